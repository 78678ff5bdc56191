import { LRUCache } from 'lru-cache'
import type { Clock } from '../../kernel/clock.ts'
import { TooManyAttempts } from './errors.ts'

const windowMs = 15 * 60_000
const limit = 10
/** Names that failures are remembered of. */
const rememberedNames = 10_000

/** Who has guessed wrong how often: ten times in a quarter of an hour, then no more. Lives in one process. */
export class Failures {
  readonly #clock: Clock
  readonly #counts = new LRUCache<string, { count: number; since: number }>({ max: rememberedNames })

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The count of `name`, to be raised before a guess is tried and lowered when it was right. Throws TooManyAttempts. */
  of(name: string, reason: string): { count: number } {
    // Cut, because it is the caller's text and many of them are kept.
    const key = name.slice(0, 100)
    const now = this.#clock()
    let found = this.#counts.get(key)
    if (!found || now - found.since >= windowMs) {
      found = { count: 0, since: now }
      this.#counts.set(key, found)
    }
    if (found.count >= limit) throw new TooManyAttempts(reason, found.since + windowMs - now)
    return found
  }
}
