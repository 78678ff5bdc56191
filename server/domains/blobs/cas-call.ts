import { textToHash } from '../../formats/xet-hash.ts'
import type { Call } from '../../http/route.ts'
import type { CasClaims } from './cas-token.ts'

/** What the door of a CAS route has proven: see cas-token.ts. */
export function claimsOf(call: Pick<Call, 'proven'>): CasClaims {
  return call.proven as CasClaims
}

/** A hash in the path. Throws MalformedInput. */
export function hashOf(call: Pick<Call, 'params'>, name: string): string {
  const text = call.params[name] ?? ''
  textToHash(text, `${name} hash`)
  return text
}
