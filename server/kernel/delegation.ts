import { type Actor, anonymous } from './actor.ts'

/**
 * What a key that the hub hands out (a CAS token, a signed URL) rests on. It opens nothing that whoever asked for it may
 * not do at the time that it is used.
 */
export interface Delegation {
  /** Repository id. */
  readonly repo: string
  /** Whose content it is for: the repository's, or what one reader has uploaded for it (docs/decisions/0020). */
  readonly holder: string
  /** Who asked for it, by which credential: see `credentialName`. */
  readonly by: string
}

export type DelegatedScope = 'read' | 'write'

/** Whether whoever asked for a key may do this still. */
export type DelegationCheck = (delegation: Delegation, scope: DelegatedScope) => Promise<boolean>

export type CredentialName =
  | { readonly kind: 'anyone' }
  /** The id is that of the token or session; of a password that of its user. */
  | { readonly kind: 'token' | 'session' | 'password'; readonly id: string }

/** Names what the actor has shown, so that it can be looked up again. Nothing secret is in it. */
export function credentialName(actor: Actor): string {
  if (actor.kind === anonymous.kind) return 'anyone'
  const { credential } = actor
  return `${credential.kind}.${credential.kind === 'password' ? actor.id : credential.id}`
}

/** Undefined when it is no name that `credentialName` gives. */
export function parseCredentialName(name: string): CredentialName | undefined {
  if (name === 'anyone') return { kind: 'anyone' }
  const [, kind, id] = /^(token|session|password)\.(\w+)$/.exec(name) ?? []
  return kind && id ? { kind: kind as 'token', id } : undefined
}
