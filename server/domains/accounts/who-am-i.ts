import type { User } from '../../kernel/actor.ts'
import { avatarUrl } from './avatar.ts'
import { BadCredentials } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { organizationsOf, profileOf, tokenLabel } from './store.ts'

/**
 * `GET /api/whoami-v2` (huggingface_hub `hf_api.py:whoami`; js `who-am-i.ts`, whose test compares the whole answer, so
 * no key more). There is nothing to pay here; an email is taken as verified because the hub's operator entered it.
 */
export async function whoAmI({ database }: AccountParts, user: User) {
  const [person, organizations, auth] = await Promise.all([
    profileOf(database.sql, user.id),
    organizationsOf(database.sql, user.id),
    describeCredential({ database }, user),
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

async function describeCredential({ database }: Pick<AccountParts, 'database'>, { credential }: User) {
  if (credential.kind === 'password') return { type: 'password' } as const
  const token = await tokenLabel(database.sql, credential.id)
  if (!token) throw new BadCredentials()
  return {
    type: 'access_token',
    accessToken: {
      displayName: token.name,
      role: credential.role === 'fine-grained' ? 'fineGrained' : credential.role,
      createdAt: new Date(token.created_at).toISOString(),
    },
  } as const
}
