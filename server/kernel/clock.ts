/** Milliseconds since the epoch. Passed in wherever time decides something, so that a test can set it. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()
