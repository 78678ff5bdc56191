import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.ts'
import { HubError } from '../kernel/errors.ts'

/** What is counted apart: calls, files (by HTTP and by git), pages. */
export type Bucket = 'api' | 'resolvers' | 'pages'

export interface Quotas {
  readonly windowMs: number
  /** Requests that one account or one address may send in a window. */
  readonly requests: Readonly<Record<Bucket, number>>
}

/** One has sent more than its share: 429. */
export class TooManyRequests extends HubError {
  readonly retryAfterSeconds: number

  constructor(bucket: Bucket, quota: number, windowSeconds: number, retryAfterSeconds: number) {
    super(
      `over ${quota} requests to ${bucket} in ${windowSeconds} s; go on in ${retryAfterSeconds} s, or ask who runs this hub for more (--rate-limits)`,
    )
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** Accounts and addresses that are counted at once. The one that was quiet longest is forgotten first. */
const remembered = 50_000

/**
 * Fixed windows, each from the first request of its account or address on. Lives in one process: behind several, each
 * allows the quota.
 */
export class RateLimits {
  readonly #quotas: Quotas
  readonly #clock: Clock
  readonly #windows = new LRUCache<string, { sent: number; readonly ends: number }>({ max: remembered })
  readonly #policies: Readonly<Record<Bucket, string>>

  constructor(quotas: Quotas, clock: Clock) {
    this.#quotas = quotas
    this.#clock = clock
    const policyOf = (bucket: Bucket) =>
      `"fixed window";"${bucket}";q=${quotas.requests[bucket]};w=${quotas.windowMs / 1000}`
    this.#policies = { api: policyOf('api'), resolvers: policyOf('resolvers'), pages: policyOf('pages') }
  }

  /**
   * Counts a request of `who`, an account's id or an address. The headers are those that huggingface_hub reads
   * (`utils/_http.py:parse_ratelimit_headers`); `refusal` is there when it was one too many.
   */
  count(bucket: Bucket, who: string): { headers: Record<string, string>; refusal?: TooManyRequests } {
    const now = this.#clock()
    const key = `${bucket} ${who}`
    let window = this.#windows.get(key)
    if (!window || window.ends <= now) {
      window = { sent: 0, ends: now + this.#quotas.windowMs }
      this.#windows.set(key, window)
    }
    window.sent++
    const quota = this.#quotas.requests[bucket]
    const seconds = Math.ceil((window.ends - now) / 1000)
    const headers = {
      ratelimit: `"${bucket}";r=${Math.max(0, quota - window.sent)};t=${seconds}`,
      'ratelimit-policy': this.#policies[bucket],
    }
    if (window.sent <= quota) return { headers }
    return { headers, refusal: new TooManyRequests(bucket, quota, this.#quotas.windowMs / 1000, seconds) }
  }
}

/** On the machine of the hub: its operators, its tests, a proxy that was not made known. Never limited. */
export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')
}

/** What an address is counted under: of IPv6 the /64, all of which one customer has. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address.slice(0, 64)
  const [, mapped] = /^::ffff:([\d.]+)$/i.exec(address) ?? []
  if (mapped) return mapped
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail ? tail.split(':') : []
  const gap = Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  const groups = tail === undefined ? left : [...left, ...gap, ...right]
  return groups
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')
}

/** Which quota a route draws on. None: those of operators, and those with a key of their own, which was asked for by a request that counted. */
export function bucketOf({ path, grant }: { path: string; grant: string }): Bucket | undefined {
  if (/^\/(healthz|readyz|metrics)$/.test(path) || /^(cas:|signed-url)/.test(grant)) return undefined
  if (path.startsWith('{web}')) return 'resolvers'
  return /^(\{api\}|\/api\/|\/oauth\/)/.test(path) ? 'api' : 'pages'
}
