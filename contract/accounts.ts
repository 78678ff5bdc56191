import { z } from 'zod'
import { time } from './parts.ts'

export const whoAmI = z.object({
  type: z.literal('user'),
  id: z.string(),
  name: z.string(),
  fullname: z.string(),
  email: z.string().nullable(),
  emailVerified: z.boolean(),
  canPay: z.boolean(),
  isPro: z.boolean(),
  periodEnd: z.null(),
  avatarUrl: z.string(),
  billingMode: z.string(),
  orgs: z.array(
    z.object({
      type: z.literal('org'),
      id: z.string(),
      name: z.string(),
      fullname: z.string(),
      email: z.null(),
      canPay: z.boolean(),
      avatarUrl: z.string(),
      periodEnd: z.null(),
      roleInOrg: z.enum(['admin', 'write', 'read']),
    }),
  ),
  auth: z.looseObject({
    type: z.string(),
    accessToken: z
      .looseObject({
        displayName: z.string(),
        role: z.enum(['read', 'write', 'fineGrained']),
        createdAt: time,
      })
      .optional(),
  }),
})

const fineGrained = z.object({
  canReadGatedRepos: z.boolean(),
  global: z.array(z.string()),
  scoped: z.array(
    z.object({
      entity: z.object({
        _id: z.string(),
        type: z.enum(['model', 'dataset', 'space', 'user', 'org']),
        name: z.string(),
      }),
      permissions: z.array(z.enum(['repo.content.read', 'discussion.write', 'repo.write'])),
    }),
  ),
})

export const accessToken = z.object({
  id: z.string(),
  displayName: z.string(),
  role: z.enum(['read', 'write', 'fineGrained']),
  createdAt: time,
  lastUsedAt: time.nullable(),
  expiresAt: time.nullable(),
  fineGrained: fineGrained.optional(),
  /** The one that asks. */
  isCurrent: z.boolean(),
})

/** `token` is the secret, told this once. */
export const newAccessToken = accessToken.extend({ token: z.string() })

export const session = z.object({
  id: z.string(),
  userAgent: z.string(),
  createdAt: time,
  lastUsedAt: time,
  isCurrent: z.boolean(),
})

export const signedIn = z.object({ name: z.string() })
export const signedUp = z.object({ id: z.string(), name: z.string() })

/** RFC 8628 3.2. */
export const deviceLogin = z.object({
  device_code: z.string(),
  user_code: z.string(),
  verification_uri: z.string(),
  verification_uri_complete: z.string(),
  expires_in: z.number().int(),
  interval: z.number().int(),
})

/** RFC 6749 5.1. */
export const issuedTokens = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.number().int(),
  /** A program's; an application in a browser gets none. */
  refresh_token: z.string().optional(),
  /** A program's role, or what an application was granted. */
  scope: z.string(),
})

/** OpenID Connect Discovery 1.0, 3; RFC 8414 2. */
export const openIdConfiguration = z.object({
  issuer: z.string(),
  authorization_endpoint: z.string(),
  token_endpoint: z.string(),
  userinfo_endpoint: z.string(),
  registration_endpoint: z.string(),
  device_authorization_endpoint: z.string(),
  scopes_supported: z.array(z.string()),
  response_types_supported: z.array(z.string()),
  response_modes_supported: z.array(z.string()),
  grant_types_supported: z.array(z.string()),
  subject_types_supported: z.array(z.string()),
  token_endpoint_auth_methods_supported: z.array(z.string()),
  code_challenge_methods_supported: z.array(z.string()),
})

/** RFC 7591 3.2.1. */
export const registeredClient = z.object({
  client_id: z.string(),
  client_name: z.string().optional(),
  redirect_uris: z.array(z.string()),
  token_endpoint_auth_method: z.literal('none'),
})

/** OpenID Connect Core 1.0, 5.3; @huggingface/hub `oauth-handle-redirect.ts`. */
export const userInfo = z.object({
  sub: z.string(),
  name: z.string(),
  preferred_username: z.string(),
  profile: z.string(),
  picture: z.string(),
  email: z.string().optional(),
  email_verified: z.boolean().optional(),
  isPro: z.boolean(),
  orgs: z.array(
    z.object({
      sub: z.string(),
      name: z.string(),
      preferred_username: z.string(),
      picture: z.string(),
      roleInOrg: z.enum(['admin', 'write', 'read']),
    }),
  ),
})
