import { randomBytes } from 'node:crypto'

/**
 * A new row id: 24 hex digits, the first 8 the time in seconds, so that ids made later sort later and look like
 * the `_id` that clients know from the public hub.
 */
export function newId(now: number): string {
  const seconds = Math.floor(now / 1000)
    .toString(16)
    .padStart(8, '0')
  return seconds + randomBytes(8).toString('hex')
}
