import type { User } from '../../kernel/actor.ts'
import { avatarUrl } from './avatar.ts'
import { BadCredentials } from './errors.ts'
import { presentScopes } from './fine-grained.ts'
import type { AccountParts } from './parts.ts'
import { organizationsOf, profileOf, tokenLabel } from './store.ts'

/**
 * `GET /api/whoami-v2` (huggingface_hub `hf_api.py:whoami`; js `who-am-i.ts`, whose test compares the whole answer, so
 * no key more). There is nothing to pay here; an email is taken as verified because the hub's operator entered it.
 */
export async function whoAmI(parts: AccountParts, user: User) {
  const { database } = parts
  const [person, organizations, auth] = await Promise.all([
    profileOf(database.sql, user.id),
    organizationsOf(database.sql, user.id),
    describeCredential(parts, user),
  ])
  // Deleted since the request began.
  if (!person) throw new BadCredentials()
  return {
    type: 'user',
    id: user.id,
    name: user.name,
    fullname: person.fullname,
    email: person.email,
    emailVerified: person.email !== null,
    canPay: false,
    isPro: false,
    periodEnd: null,
    avatarUrl: avatarUrl(user.id),
    billingMode: 'postpaid',
    orgs: organizations.map(organization => ({
      type: 'org',
      id: organization.id,
      name: organization.name,
      fullname: organization.fullname,
      email: null,
      canPay: false,
      avatarUrl: avatarUrl(organization.id),
      periodEnd: null,
      roleInOrg: organization.role,
    })),
    auth,
  } as const
}

async function describeCredential(parts: AccountParts, user: User) {
  const { credential } = user
  if (credential.kind !== 'token') return { type: credential.kind } as const
  const token = await tokenLabel(parts.database.sql, credential.id)
  if (!token) throw new BadCredentials()
  return {
    type: 'access_token',
    accessToken: {
      displayName: token.name,
      role: credential.role === 'fine-grained' ? 'fineGrained' : credential.role,
      createdAt: new Date(token.created_at).toISOString(),
      ...(credential.role === 'fine-grained' && {
        fineGrained: (await presentScopes(parts, user, credential.scopes))(credential.scopes),
      }),
    },
    ...(token.expires_at !== null && { expiresAt: new Date(token.expires_at).toISOString() }),
  } as const
}
