/** The limits by which a request may be refused. */
export const LIMIT_NAMES = ['minute', 'hour', 'impact', 'writes', 'wrongKeys'] as const
export type LimitName = (typeof LIMIT_NAMES)[number]
