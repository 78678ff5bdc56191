import { hash, randomBytes } from 'node:crypto'

const cookieName = 'banyan_session'
/** How long a browser keeps it. Whether the session still lives is for the hub to say. */
const maxAgeSeconds = 90 * 24 * 60 * 60

/** 256 random bits: what the cookie carries. */
export function mintSessionKey(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored and looked up, as with tokens. */
export function hashSessionKey(key: string): string {
  return hash('sha256', key)
}

/**
 * `Set-Cookie` for a new session, or without `key` for none. No script reads it; no page of another site sends it with
 * a write (Lax); on https it never travels in the clear.
 */
export function sessionCookie(key: string | undefined, origin: string): string {
  const value =
    key === undefined ? `${cookieName}=; Max-Age=0` : `${cookieName}=${key}; Max-Age=${maxAgeSeconds}`
  return `${value}; Path=/; HttpOnly; SameSite=Lax${origin.startsWith('https:') ? '; Secure' : ''}`
}

/** The key in a Cookie header. */
export function sessionKeyOf(cookies: string | undefined): string | undefined {
  return cookies === undefined
    ? undefined
    : new RegExp(`(?:^|;\\s*)${cookieName}=([\\w-]{43})(?:;|$)`).exec(cookies)?.[1]
}
