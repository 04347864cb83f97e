/** The database cannot be used now. The message is in our own words: it holds no URL and no password. */
export class DatabaseAway extends Error {
  override readonly name = 'DatabaseAway'
}
