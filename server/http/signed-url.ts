import type { Signer } from '../kernel/signer.ts'

/**
 * URLs that authorise themselves, for clients that send no token where they are told to go (LFS basic and multipart,
 * xorb fetches). The signature binds method, path and query, so the object and the repository that the path names,
 * and the time in seconds at which it ends.
 */
const purpose = 'signed-url'

/** Appends `exp` and `sig` to a path (with or without a query). `expiresAt` in milliseconds. */
export function signPath(signer: Signer, method: string, path: string, expiresAt: number): string {
  const dated = `${path}${path.includes('?') ? '&' : '?'}exp=${Math.floor(expiresAt / 1000)}`
  return `${dated}&sig=${signer.sign(purpose, `${method} ${dated}`)}`
}

export type SignedPathVerdict = 'good' | 'expired' | 'forged'

/** `path` is the raw request target. Whoever may GET may HEAD. */
export function checkSignedPath(
  signer: Signer,
  method: string,
  path: string,
  now: number,
): SignedPathVerdict {
  const at = path.lastIndexOf('&sig=')
  if (at < 0) return 'forged'
  const dated = path.slice(0, at)
  const signature = path.slice(at + '&sig='.length)
  const signedMethod = method === 'HEAD' ? 'GET' : method
  if (!signer.verify(purpose, `${signedMethod} ${dated}`, signature)) return 'forged'
  const expires = Number(/[?&]exp=(\d+)$/.exec(dated)?.[1] ?? Number.NaN)
  if (Number.isNaN(expires)) return 'forged'
  return now > expires * 1000 ? 'expired' : 'good'
}
