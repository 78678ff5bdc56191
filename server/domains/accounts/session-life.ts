/** A session that nobody uses for so long is over … */
export const sessionIdleMs = 14 * 24 * 60 * 60_000
/** … and any is over then: whoever stole a cookie has it no longer. */
const sessionLongestMs = 90 * 24 * 60 * 60_000

export function isOver(
  { createdAt, lastUsedAt }: { createdAt: number; lastUsedAt: number },
  now: number,
): boolean {
  return now >= lastUsedAt + sessionIdleMs || now >= createdAt + sessionLongestMs
}
