import { prettyFactory } from 'pino-pretty'

/** Shows a line of the log to people; a module of its own, because few processes need it. */
export const prettyLine = (isColoured: boolean): ((line: string) => string) =>
  prettyFactory({ colorize: isColoured, translateTime: 'UTC:yyyy-mm-dd HH:MM:ss.l' })
