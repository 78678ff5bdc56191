import type { Sql } from '../../ports/database.ts'
import type { Before } from './store-likes.ts'
import type { CommunityTables } from './tables.ts'

/** SQL about who follows whom. Every function takes the connection or the transaction that it runs in. */

const tables = (sql: Sql) => sql.withTables<CommunityTables>()

export async function insertFollow(sql: Sql, row: CommunityTables['follows']): Promise<void> {
  await tables(sql)
    .insertInto('follows')
    .values(row)
    .onConflict(conflict => conflict.doNothing())
    .execute()
}

export async function deleteFollow(sql: Sql, followerId: string, followedId: string): Promise<void> {
  await tables(sql)
    .deleteFrom('follows')
    .where('follower_id', '=', followerId)
    .where('followed_id', '=', followedId)
    .execute()
}

const columns = {
  followers: { of: 'followed_id', who: 'follower_id' },
  following: { of: 'follower_id', who: 'followed_id' },
} as const

/** Accounts that follow `accountId`, or that it follows; the last one first. */
export async function followsOf(
  sql: Sql,
  side: keyof typeof columns,
  accountId: string,
  before: Before | undefined,
  limit: number,
): Promise<{ id: string; at: number }[]> {
  const { of, who } = columns[side]
  let select = tables(sql)
    .selectFrom('follows')
    .select([`${who} as id`, 'created_at as at'])
    .where(of, '=', accountId)
  if (before) {
    select = select.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('created_at', who), '<', tuple(before.at, before.id)),
    )
  }
  return await select.orderBy('created_at', 'desc').orderBy(who, 'desc').limit(limit).execute()
}

export async function countFollowing(sql: Sql, accountId: string): Promise<number> {
  const { count } = await tables(sql)
    .selectFrom('follows')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('follower_id', '=', accountId)
    .executeTakeFirstOrThrow()
  return count
}

/** How many follow each of these accounts; one without followers is left out. */
export async function countFollowers(sql: Sql, accountIds: readonly string[]): Promise<Map<string, number>> {
  if (accountIds.length === 0) return new Map()
  const rows = await tables(sql)
    .selectFrom('follows')
    .select(({ fn }) => ['followed_id', fn.countAll<number>().as('count')])
    .where('followed_id', 'in', accountIds)
    .groupBy('followed_id')
    .execute()
  return new Map(rows.map(row => [row.followed_id, row.count]))
}

/** Which of these accounts the user follows. */
export async function followedAmong(
  sql: Sql,
  followerId: string,
  accountIds: readonly string[],
): Promise<Set<string>> {
  if (accountIds.length === 0) return new Set()
  const rows = await tables(sql)
    .selectFrom('follows')
    .select('followed_id')
    .where('follower_id', '=', followerId)
    .where('followed_id', 'in', accountIds)
    .execute()
  return new Set(rows.map(row => row.followed_id))
}
