import type { OrganizationRole, TokenScope } from '../../kernel/actor.ts'
import type { Sql } from '../../ports/database.ts'
import type { AccountKind, AccountTables, TokenRole } from './tables.ts'

/** The only SQL of this domain. Every function takes the connection or the transaction that it runs in. */

/** A user or an organisation, as others see it. */
export interface Account {
  readonly id: string
  readonly kind: AccountKind
  readonly name: string
  readonly fullname: string
  /** Whether repositories that it gets are private unless asked otherwise. */
  readonly privateByDefault: boolean
}

export type AccountRow = AccountTables['accounts']
export type TokenRow = AccountTables['access_tokens']

/** A user with what an Actor is made of. */
export interface Identity {
  readonly id: string
  readonly name: string
  readonly isAdmin: boolean
  readonly memberships: ReadonlyMap<string, OrganizationRole>
}

export interface TokenIdentity extends Identity {
  readonly tokenId: string
  readonly role: TokenRole
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
  /** Of a fine-grained token; empty for others. */
  readonly scopes: readonly TokenScope[]
}

const tables = (sql: Sql) => sql.withTables<AccountTables>()

export async function insertAccount(tx: Sql, row: AccountRow): Promise<void> {
  await tables(tx).insertInto('accounts').values(row).execute()
}

/** Living accounts only, here and below. */
export async function accountByName(sql: Sql, foldedName: string): Promise<Account | undefined> {
  const row = await tables(sql)
    .selectFrom('accounts')
    .select(['id', 'kind', 'name', 'fullname', 'private_by_default'])
    .where('folded_name', '=', foldedName)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row && toAccount(row)
}

export async function accountsById(sql: Sql, ids: readonly string[]): Promise<Account[]> {
  if (ids.length === 0) return []
  const rows = await tables(sql)
    .selectFrom('accounts')
    .select(['id', 'kind', 'name', 'fullname', 'private_by_default'])
    .where('id', 'in', ids)
    .where('deleted_at', 'is', null)
    .execute()
  return rows.map(toAccount)
}

/** How users can be reached, by their ids. Only for those to whom they have agreed to show it. */
export async function contactsById(
  sql: Sql,
  ids: readonly string[],
): Promise<Map<string, Account & { readonly email?: string }>> {
  if (ids.length === 0) return new Map()
  const rows = await tables(sql)
    .selectFrom('accounts')
    .select(['id', 'kind', 'name', 'fullname', 'private_by_default', 'email'])
    .where('id', 'in', ids)
    .where('deleted_at', 'is', null)
    .execute()
  return new Map(
    rows.map(row => [row.id, { ...toAccount(row), ...(row.email !== null && { email: row.email }) }]),
  )
}

export async function insertMembership(
  tx: Sql,
  userId: string,
  organizationId: string,
  role: OrganizationRole,
  now: number,
): Promise<void> {
  await tables(tx)
    .insertInto('memberships')
    .values({ user_id: userId, organization_id: organizationId, role, created_at: now })
    .execute()
}

export async function organizationsOf(
  sql: Sql,
  userId: string,
): Promise<(Account & { role: OrganizationRole })[]> {
  const rows = await tables(sql)
    .selectFrom('memberships as m')
    .innerJoin('accounts as o', 'o.id', 'm.organization_id')
    .select(['o.id', 'o.kind', 'o.name', 'o.fullname', 'o.private_by_default', 'm.role'])
    .where('m.user_id', '=', userId)
    .where('o.deleted_at', 'is', null)
    .orderBy('o.folded_name')
    .execute()
  return rows.map(row => ({ ...toAccount(row), role: row.role }))
}

/** Members of an organisation in order of their names, those after `after`. */
export async function membersOf(
  sql: Sql,
  organizationId: string,
  after: string | undefined,
  limit: number,
): Promise<(Account & { role: OrganizationRole })[]> {
  let select = tables(sql)
    .selectFrom('memberships as m')
    .innerJoin('accounts as u', 'u.id', 'm.user_id')
    .select(['u.id', 'u.kind', 'u.name', 'u.fullname', 'u.private_by_default', 'm.role'])
    .where('m.organization_id', '=', organizationId)
    .where('u.deleted_at', 'is', null)
  if (after !== undefined) select = select.where('u.folded_name', '>', after)
  const rows = await select.orderBy('u.folded_name').limit(limit).execute()
  return rows.map(row => ({ ...toAccount(row), role: row.role }))
}

export async function countMembers(sql: Sql, organizationId: string): Promise<number> {
  const { count } = await tables(sql)
    .selectFrom('memberships as m')
    .innerJoin('accounts as u', 'u.id', 'm.user_id')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('m.organization_id', '=', organizationId)
    .where('u.deleted_at', 'is', null)
    .executeTakeFirstOrThrow()
  return count
}

export async function insertToken(tx: Sql, row: TokenRow, scopes: readonly TokenScope[]): Promise<void> {
  await tables(tx).insertInto('access_tokens').values(row).execute()
  if (scopes.length === 0) return
  await tables(tx)
    .insertInto('token_scopes')
    .values(
      scopes.map(({ target, access }) => ({
        token_id: row.id,
        target_kind: target.kind,
        target_id: target.id,
        access,
      })),
    )
    .execute()
}

export type ListedToken = Pick<
  TokenRow,
  'id' | 'name' | 'role' | 'created_at' | 'last_used_at' | 'expires_at'
>

/** Oldest first, those after `after`. */
export async function tokensOf(
  sql: Sql,
  userId: string,
  page?: { after?: string | undefined; limit: number },
): Promise<ListedToken[]> {
  return await tables(sql)
    .selectFrom('access_tokens')
    .select(['id', 'name', 'role', 'created_at', 'last_used_at', 'expires_at'])
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .$if(page?.after !== undefined, query => query.where('id', '>', page?.after ?? ''))
    .orderBy('id')
    .$if(page !== undefined, query => query.limit(page?.limit ?? 0))
    .execute()
}

/** One of the user's that is not revoked. */
export async function tokenById(sql: Sql, userId: string, tokenId: string): Promise<ListedToken | undefined> {
  return await tables(sql)
    .selectFrom('access_tokens')
    .select(['id', 'name', 'role', 'created_at', 'last_used_at', 'expires_at'])
    .where('id', '=', tokenId)
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
}

/** With all that were made with it, and with those. */
export async function revokeToken(tx: Sql, tokenId: string, now: number): Promise<void> {
  await tables(tx)
    .withRecursive('family', family =>
      family
        .selectFrom('access_tokens')
        .select('id')
        .where('id', '=', tokenId)
        .union(
          family
            .selectFrom('access_tokens as t')
            .innerJoin('family as f', 'f.id', 't.made_by')
            .select('t.id'),
        ),
    )
    .updateTable('access_tokens')
    .set({ revoked_at: now })
    .where('id', 'in', family => family.selectFrom('family').select('id'))
    .where('revoked_at', 'is', null)
    .execute()
}

export async function renameToken(tx: Sql, tokenId: string, name: string): Promise<void> {
  await tables(tx).updateTable('access_tokens').set({ name }).where('id', '=', tokenId).execute()
}

/** Tables that `identityByToken` and `identityByTokenId` read. */
export const identityTables = ['access_tokens', 'accounts', 'memberships', 'token_scopes'] as const

/** Who holds the token of that hash: undefined when token or user is gone. Whether it has expired is not looked at. */
export function identityByToken(sql: Sql, hash: string): Promise<TokenIdentity | undefined> {
  return identityOfToken(sql, 'hash', hash)
}

export function identityByTokenId(sql: Sql, id: string): Promise<TokenIdentity | undefined> {
  return identityOfToken(sql, 'id', id)
}

async function identityOfToken(
  sql: Sql,
  column: 'hash' | 'id',
  value: string,
): Promise<TokenIdentity | undefined> {
  // One row a membership.
  const rows = await tables(sql)
    .selectFrom('access_tokens as t')
    .innerJoin('accounts as a', 'a.id', 't.user_id')
    .leftJoin('memberships as m', 'm.user_id', 'a.id')
    .select(['t.id as token_id', 't.role', 't.expires_at', 't.last_used_at'])
    .select(['a.id', 'a.name', 'a.is_admin', 'm.organization_id', 'm.role as organization_role'])
    .where(`t.${column}`, '=', value)
    .where('t.revoked_at', 'is', null)
    .where('a.deleted_at', 'is', null)
    .execute()
  const [first] = rows
  if (!first) return undefined
  return {
    ...toIdentity(first, rows),
    tokenId: first.token_id,
    role: first.role,
    expiresAt: first.expires_at,
    lastUsedAt: first.last_used_at,
    scopes: first.role === 'fine-grained' ? await scopesOf(sql, first.token_id) : [],
  }
}

async function scopesOf(sql: Sql, tokenId: string): Promise<TokenScope[]> {
  return (await scopesOfTokens(sql, [tokenId])).get(tokenId) ?? []
}

/** By token id; one without scopes is left out. */
export async function scopesOfTokens(
  sql: Sql,
  tokenIds: readonly string[],
): Promise<Map<string, TokenScope[]>> {
  const scopes = new Map<string, TokenScope[]>()
  if (tokenIds.length === 0) return scopes
  const rows = await tables(sql)
    .selectFrom('token_scopes')
    .select(['token_id', 'target_kind', 'target_id', 'access'])
    .where('token_id', 'in', tokenIds)
    .orderBy('target_id')
    .execute()
  for (const { token_id, target_kind, target_id, access } of rows) {
    const known = scopes.get(token_id) ?? []
    scopes.set(token_id, [...known, { target: { kind: target_kind, id: target_id }, access }])
  }
  return scopes
}

/** A user and the hash of their password; undefined when there is no such user or none with a password. */
export async function identityByName(
  sql: Sql,
  foldedName: string,
): Promise<{ identity: Identity; passwordHash: string } | undefined> {
  const rows = await tables(sql)
    .selectFrom('accounts as a')
    .leftJoin('memberships as m', 'm.user_id', 'a.id')
    .select([
      'a.id',
      'a.name',
      'a.is_admin',
      'a.password_hash',
      'm.organization_id',
      'm.role as organization_role',
    ])
    .where('a.folded_name', '=', foldedName)
    .where('a.kind', '=', 'user')
    .where('a.deleted_at', 'is', null)
    .execute()
  const [first] = rows
  if (!first?.password_hash) return undefined
  return { identity: toIdentity(first, rows), passwordHash: first.password_hash }
}

export async function updatePassword(tx: Sql, userId: string, passwordHash: string): Promise<void> {
  await tables(tx)
    .updateTable('accounts')
    .set({ password_hash: passwordHash })
    .where('id', '=', userId)
    .execute()
}

export async function identityById(sql: Sql, id: string): Promise<Identity | undefined> {
  const rows = await tables(sql)
    .selectFrom('accounts as a')
    .leftJoin('memberships as m', 'm.user_id', 'a.id')
    .select(['a.id', 'a.name', 'a.is_admin', 'm.organization_id', 'm.role as organization_role'])
    .where('a.id', '=', id)
    .where('a.kind', '=', 'user')
    .where('a.deleted_at', 'is', null)
    .execute()
  const [first] = rows
  return first && toIdentity(first, rows)
}

/** Notes that the token was used, unless that was noted after `notedBefore`. */
export async function touchToken(sql: Sql, tokenId: string, now: number, notedBefore: number): Promise<void> {
  await tables(sql)
    .updateTable('access_tokens')
    .set({ last_used_at: now })
    .where('id', '=', tokenId)
    .where(where => where.or([where('last_used_at', 'is', null), where('last_used_at', '<=', notedBefore)]))
    .execute()
}

export async function profileOf(
  sql: Sql,
  userId: string,
): Promise<{ fullname: string; email: string | null } | undefined> {
  return await tables(sql)
    .selectFrom('accounts')
    .select(['fullname', 'email'])
    .where('id', '=', userId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

export async function tokenLabel(
  sql: Sql,
  tokenId: string,
): Promise<{ name: string; created_at: number; expires_at: number | null } | undefined> {
  return await tables(sql)
    .selectFrom('access_tokens')
    .select(['name', 'created_at', 'expires_at'])
    .where('id', '=', tokenId)
    .executeTakeFirst()
}

type MembershipColumns = { organization_id: string | null; organization_role: OrganizationRole | null }

export function toIdentity(
  row: { id: string; name: string; is_admin: number },
  rows: readonly MembershipColumns[],
): Identity {
  const memberships = new Map<string, OrganizationRole>()
  for (const { organization_id, organization_role } of rows) {
    if (organization_id && organization_role) memberships.set(organization_id, organization_role)
  }
  return { id: row.id, name: row.name, isAdmin: row.is_admin === 1, memberships }
}

function toAccount(
  row: Pick<AccountRow, 'id' | 'kind' | 'name' | 'fullname' | 'private_by_default'>,
): Account {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    fullname: row.fullname,
    privateByDefault: row.private_by_default === 1,
  }
}
