import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../../kernel/clock.ts'
import { TooManyAttempts } from './errors.ts'
import { Failures } from './failures.ts'
import { hashPassword, unmatchableHash, verifyPassword } from './password.ts'

/** One check takes 128 MiB and a thread, so they go one after the other; this many may wait, about 20 s. */
const waitingLimit = 50

/**
 * Checks account passwords, slowly for whoever guesses and at once for git, which shows the same right password with
 * every request. Lives in one process: behind several, each allows the limit.
 */
export class PasswordLogins {
  readonly #failures: Failures
  /**
   * Right answers, and those being worked out. The key is made of name, password *and stored hash*, so a password
   * that was changed, by whatever process, is not found here; neither can the key be turned back into a password.
   */
  readonly #answers = new LRUCache<string, Promise<boolean>>({ max: 1000 })
  readonly #answerKey = randomBytes(32)
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(clock: Clock) {
    this.#failures = new Failures(clock)
  }

  /**
   * Whether `password` is the one that `hash` was made of; without a hash (no such user) false after the same work.
   * `name` is what failures are counted under: case-folded, whether it exists or not. Throws TooManyAttempts.
   */
  async check(name: string, password: string, hash: string | undefined): Promise<boolean> {
    const failures = this.#failures.of(name, 'too many wrong passwords for this user')
    const key = createHmac('sha256', this.#answerKey)
      .update(JSON.stringify([name, password, hash]))
      .digest('base64')
    const known = this.#answers.get(key)
    if (known) return await known

    // Counted before the work: of many guesses sent at once only so many are tried.
    failures.count++
    const answer = this.#inTurn(() => verifyPassword(password, hash ?? unmatchableHash)).then(
      matches => matches && hash !== undefined,
    )
    this.#answers.set(key, answer)
    try {
      const isRight = await answer
      if (isRight) failures.count--
      else this.#answers.delete(key)
      return isRight
    } catch (error) {
      failures.count--
      this.#answers.delete(key)
      throw error
    }
  }

  /** What to store of a new password, in turn with the checks. Throws TooManyAttempts. */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => hashPassword(password))
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= waitingLimit) throw new TooManyAttempts('too many sign-ins at once', 20_000)
    this.#waiting++
    const before = this.#last
    const result = before.then(work)
    this.#last = result.catch(() => {})
    try {
      return await result
    } finally {
      this.#waiting--
    }
  }
}
