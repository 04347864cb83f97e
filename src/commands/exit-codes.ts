/** Exit codes of the commands, as sysexits.h names them. */

/** A wrong command line. */
export const EX_USAGE = 64
/** The input is wrong. */
export const EX_DATAERR = 65
/** The input cannot be read. */
export const EX_NOINPUT = 66
/** Something that is needed, the database, cannot be used now. */
export const EX_UNAVAILABLE = 69
/** The configuration cannot be used. */
export const EX_CONFIG = 78
