/** What the document says of the service as a whole. */
export const infoOf = (version: string) => ({
  title: 'Ayalon congestion impact',
  version,
  description: `The physical impact of road congestion, live and over time: vehicle-hours of delay,
excess fuel, CO2 and money, each with a band of uncertainty.

**Units** stand in the name of a field or in a \`unit\` beside the value: km/h, km, seconds, veh/h,
veh-h, L, kg, and the currency of the corridor (ISO 4217). Rates are per hour, totals are sums over a
span of time. \`low\`, \`central\` and \`high\` are a modelling band, not a statistical confidence;
\`positivePart\` leaves out the sections on which congestion saves fuel.

**Not known is null**, never 0: a section without enough data has its \`status\` and null numbers.
\`coverage\` is the share of the length that was measured, and sums are over that share alone.

**Times** are ISO 8601 in UTC, days those of the time zone of the corridor. Numbers have at most six
decimals.

**Keys** go into \`X-API-Key\` or \`Authorization: Bearer\`, never into the URL. Each scope (read,
write, admin) allows what those before it do. Reading is open, unless the operator set it to need a
key.

**Limits** are counted by key, else by address. \`RateLimit\` and \`RateLimit-Policy\` tell them (IETF
draft 11).

**Failures** are \`application/problem+json\` (RFC 9457) with a \`code\` for programs. An unknown query
parameter is a failure too. \`X-Request-ID\` names a request in the log; a client may choose it: up to
64 letters, digits, dots, hyphens and underscores.

Every GET can be asked as HEAD as well.`,
})

/** What operations are grouped by. */
export const TAGS = [
  { name: 'Traffic', description: 'Corridors as they are now, and as they were.' },
  { name: 'Impact', description: 'The impact of traffic that the caller knows.' },
  { name: 'Keys', description: 'The keys of clients, for admins.' },
  { name: 'Operation', description: 'How the service is, for those who run it.' },
]
