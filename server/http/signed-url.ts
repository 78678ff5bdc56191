import type { Delegation } from '../kernel/delegation.ts'
import type { Signer } from '../kernel/signer.ts'

/**
 * URLs that authorise themselves, for clients that send no token where they are told to go (LFS basic and multipart,
 * xorb fetches). The signature binds method, path and query, so the object and the repository that the path names, what
 * it was given for (`kernel/delegation.ts`), and the time in seconds at which it ends.
 */
const purpose = 'signed-url'

/** Appends `repo`, `holder`, `by`, `exp` and `sig` to a path (with or without a query). `expiresAt` in milliseconds. */
export function signPath(
  signer: Signer,
  method: string,
  path: string,
  { repo, holder, by }: Delegation,
  expiresAt: number,
): string {
  const given = `repo=${repo}&holder=${holder}&by=${by}&exp=${Math.floor(expiresAt / 1000)}`
  const dated = `${path}${path.includes('?') ? '&' : '?'}${given}`
  return `${dated}&sig=${signer.sign(purpose, `${method} ${dated}`)}`
}

/** What the URL was given for, or why it is not good. `path` is the raw request target. Whoever may GET may HEAD. */
export function checkSignedPath(
  signer: Signer,
  method: string,
  path: string,
  now: number,
): Delegation | 'expired' | 'forged' {
  const at = path.lastIndexOf('&sig=')
  if (at < 0) return 'forged'
  const dated = path.slice(0, at)
  const signature = path.slice(at + '&sig='.length)
  const signedMethod = method === 'HEAD' ? 'GET' : method
  if (!signer.verify(purpose, `${signedMethod} ${dated}`, signature)) return 'forged'
  const [, repo, holder, by, expires] = endOfPath.exec(dated) ?? []
  if (repo === undefined || holder === undefined || by === undefined) return 'forged'
  return now > Number(expires) * 1000 ? 'expired' : { repo, holder, by }
}

const endOfPath = /[?&]repo=([^&]+)&holder=([^&]+)&by=([^&]+)&exp=(\d+)$/
