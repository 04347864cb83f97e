/*
 * A stop goes through these stages in turn, none of which may take longer than its bound, ms:
 * readiness says no and requests are served on (`DRAIN_WAIT_SECONDS`), then requests end, then the
 * collector and other background work, then the stores, then traces are sent.
 */

/** Requests in flight get their answer; then their connections are cut. */
export const REQUESTS_STOP_MS = 5000
/** The refresh in progress is given up, and another replica may collect. */
export const COLLECTOR_STOP_MS = 2000
/** The last writes; what is not written by then waits on disk. */
export const STORES_STOP_MS = 2000
/** The last traces. */
export const TRACES_STOP_MS = 1500

/** The stages together, but for the wait; after that much the process is ended. */
export const STOP_MS = REQUESTS_STOP_MS + COLLECTOR_STOP_MS + STORES_STOP_MS + TRACES_STOP_MS
