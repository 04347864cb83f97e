import { constants } from 'node:os'

/*
 * Exit codes of the service and its commands, as sysexits.h names them. 0 is success, 128 with the
 * number of a signal an end at once by it. Commands that judge something end with 1 when it does not
 * pass.
 */

/** An error that nobody foresaw. */
export const EX_BUG = 1
/** A wrong command line. */
export const EX_USAGE = 64
/** The input is wrong. */
export const EX_DATAERR = 65
/** The input cannot be read. */
export const EX_NOINPUT = 66
/** Something that is needed, such as the database or the port, cannot be used now. */
export const EX_UNAVAILABLE = 69
/** The output cannot be made, or is there already. */
export const EX_CANTCREAT = 73
/** The stop took too long and was cut: what was open may be lost. */
export const EX_TEMPFAIL = 75
/** The configuration cannot be used. */
export const EX_CONFIG = 78

/** Of an end at once by a signal, as shells have it. */
export const codeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]
