import type { Sql } from '../../ports/database.ts'
import type { CommentData, DiscussionStatus, DiscussionTables, EventData } from './tables.ts'

/** The only SQL of this domain, with `store-images.ts`. Every function takes the connection or the transaction that it runs in. */

export interface Discussion {
  readonly repoId: string
  readonly number: number
  readonly title: string
  readonly status: DiscussionStatus
  readonly isPullRequest: boolean
  /** Null: the hub. */
  readonly authorId: string | null
  readonly createdAt: number
  /** Of a pull request. */
  readonly base: string | null
  readonly mergeCommit: string | null
  readonly mergeBase: string | null
  readonly eventCount: number
  readonly textBytes: number
}

export interface DiscussionEvent {
  readonly id: string
  readonly authorId: string | null
  readonly createdAt: number
  readonly data: EventData
}

const tables = (sql: Sql) => sql.withTables<DiscussionTables>()

const usualBoard = { last_number: 0, is_closed: 0, is_closed_to_hub: 0 }

/** The next number of a repository, and whether anything may be opened there. Others wait until the transaction ends. */
export async function takeNumber(
  tx: Sql,
  repoId: string,
): Promise<{ number: number; isClosed: boolean; isClosedToHub: boolean }> {
  const row = await tables(tx)
    .insertInto('discussion_boards')
    .values({ ...usualBoard, repo_id: repoId, last_number: 1 })
    .onConflict(conflict =>
      conflict
        .column('repo_id')
        .doUpdateSet(eb => ({ last_number: eb('discussion_boards.last_number', '+', 1) })),
    )
    .returning(['last_number', 'is_closed', 'is_closed_to_hub'])
    .executeTakeFirstOrThrow()
  return { number: row.last_number, isClosed: row.is_closed === 1, isClosedToHub: row.is_closed_to_hub === 1 }
}

export interface Board {
  readonly isClosed: boolean
  readonly isClosedToHub: boolean
}

export async function boardOf(sql: Sql, repoId: string): Promise<Board> {
  const row = await tables(sql)
    .selectFrom('discussion_boards')
    .select(['is_closed', 'is_closed_to_hub'])
    .where('repo_id', '=', repoId)
    .executeTakeFirst()
  return { isClosed: row?.is_closed === 1, isClosedToHub: row?.is_closed_to_hub === 1 }
}

export async function saveBoard(tx: Sql, repoId: string, board: Partial<Board>): Promise<void> {
  const changed = {
    ...(board.isClosed !== undefined && { is_closed: board.isClosed ? 1 : 0 }),
    ...(board.isClosedToHub !== undefined && { is_closed_to_hub: board.isClosedToHub ? 1 : 0 }),
  }
  await tables(tx)
    .insertInto('discussion_boards')
    .values({ ...usualBoard, repo_id: repoId, ...changed })
    .onConflict(conflict => conflict.column('repo_id').doUpdateSet(changed))
    .execute()
}

export interface NewDiscussion {
  readonly repoId: string
  readonly number: number
  readonly title: string
  readonly status: DiscussionStatus
  readonly authorId: string | null
  readonly base: string | null
  readonly hubSubject: string | null
}

export async function insertDiscussion(tx: Sql, made: NewDiscussion, now: number): Promise<void> {
  await tables(tx)
    .insertInto('discussions')
    .values({
      repo_id: made.repoId,
      number: made.number,
      title: made.title,
      status: made.status,
      is_pull_request: made.base === null ? 0 : 1,
      author_id: made.authorId,
      created_at: now,
      updated_at: now,
      base: made.base,
      merge_commit: null,
      merge_base: null,
      event_count: 0,
      text_bytes: 0,
      brought_bytes: 0,
      hub_subject: made.hubSubject,
    })
    .execute()
}

export async function findDiscussion(
  sql: Sql,
  repoId: string,
  number: number,
): Promise<Discussion | undefined> {
  const row = await tables(sql)
    .selectFrom('discussions')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('number', '=', number)
    .executeTakeFirst()
  return row && toDiscussion(row)
}

/** The one that the hub has opened about this. */
export async function numberAbout(sql: Sql, repoId: string, subject: string): Promise<number | undefined> {
  const row = await tables(sql)
    .selectFrom('discussions')
    .select('number')
    .where('repo_id', '=', repoId)
    .where('hub_subject', '=', subject)
    .executeTakeFirst()
  return row?.number
}

/** Open ones that the hub has opened about subjects that begin with `prefix`. */
export async function openByHubAbout(
  sql: Sql,
  repoId: string,
  prefix: string,
): Promise<{ number: number; subject: string }[]> {
  const rows = await tables(sql)
    .selectFrom('discussions')
    .select(['number', 'hub_subject'])
    .where('repo_id', '=', repoId)
    .where('hub_subject', '>=', prefix)
    .where('hub_subject', '<', `${prefix}\u{10ffff}`)
    .where('status', '=', 'open')
    .execute()
  return rows.map(({ number, hub_subject }) => ({ number, subject: hub_subject as string }))
}

/** Whoever else changes it waits until the transaction ends. */
export async function lockDiscussion(
  tx: Sql,
  repoId: string,
  number: number,
  now: number,
): Promise<Discussion | undefined> {
  const row = await tables(tx)
    .updateTable('discussions')
    .set({ updated_at: now })
    .where('repo_id', '=', repoId)
    .where('number', '=', number)
    .returningAll()
    .executeTakeFirst()
  return row && toDiscussion(row)
}

export async function updateDiscussion(
  tx: Sql,
  { repoId, number }: Pick<Discussion, 'repoId' | 'number'>,
  changed: { title?: string; status?: DiscussionStatus; mergeCommit?: string; mergeBase?: string },
): Promise<void> {
  await tables(tx)
    .updateTable('discussions')
    .set({
      ...(changed.title !== undefined && { title: changed.title }),
      ...(changed.status !== undefined && { status: changed.status }),
      ...(changed.mergeCommit !== undefined && { merge_commit: changed.mergeCommit }),
      ...(changed.mergeBase !== undefined && { merge_base: changed.mergeBase }),
    })
    .where('repo_id', '=', repoId)
    .where('number', '=', number)
    .execute()
}

/** Counts a new event and what it holds; returns how many there are, and how much they hold. */
export async function countEvent(
  tx: Sql,
  { repoId, number }: Pick<Discussion, 'repoId' | 'number'>,
  added: { events: number; textBytes: number },
): Promise<{ eventCount: number; textBytes: number }> {
  const row = await tables(tx)
    .updateTable('discussions')
    .set(eb => ({
      event_count: eb('event_count', '+', added.events),
      text_bytes: eb('text_bytes', '+', added.textBytes),
    }))
    .where('repo_id', '=', repoId)
    .where('number', '=', number)
    .returning(['event_count', 'text_bytes'])
    .executeTakeFirstOrThrow()
  return { eventCount: row.event_count, textBytes: row.text_bytes }
}

export async function insertEvent(
  tx: Sql,
  { repoId, number }: Pick<Discussion, 'repoId' | 'number'>,
  position: number,
  { id, authorId, createdAt, data }: DiscussionEvent,
): Promise<void> {
  const { type, ...rest } = data
  await tables(tx)
    .insertInto('discussion_events')
    .values({
      id,
      repo_id: repoId,
      number,
      position,
      type,
      author_id: authorId,
      created_at: createdAt,
      data: JSON.stringify(rest),
    })
    .execute()
}

export async function findComment(
  sql: Sql,
  { repoId, number }: Pick<Discussion, 'repoId' | 'number'>,
  id: string,
): Promise<(DiscussionEvent & { readonly data: CommentData }) | undefined> {
  const row = await tables(sql)
    .selectFrom('discussion_events')
    .selectAll()
    .where('id', '=', id)
    .where('repo_id', '=', repoId)
    .where('number', '=', number)
    .where('type', '=', 'comment')
    .executeTakeFirst()
  return row && (toEvent(row) as DiscussionEvent & { readonly data: CommentData })
}

export async function updateComment(tx: Sql, id: string, data: CommentData): Promise<void> {
  await tables(tx)
    .updateTable('discussion_events')
    .set({ data: JSON.stringify(data) })
    .where('id', '=', id)
    .execute()
}

/** All of them, in order. */
export async function eventsOf(sql: Sql, repoId: string, number: number): Promise<DiscussionEvent[]> {
  const rows = await tables(sql)
    .selectFrom('discussion_events')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('number', '=', number)
    .orderBy('position')
    .execute()
  return rows.map(toEvent)
}

export interface ListFilter {
  readonly type: 'discussion' | 'pull_request' | 'all'
  readonly status: 'open' | 'closed' | 'all'
  readonly authorId: string | undefined
}

/** A page, newest first, and how many there are on all pages. */
export async function listDiscussions(
  sql: Sql,
  repoId: string,
  { type, status, authorId }: ListFilter,
  { start, limit }: { start: number; limit: number },
): Promise<{ discussions: Discussion[]; count: number }> {
  let filtered = tables(sql).selectFrom('discussions').where('repo_id', '=', repoId)
  if (type !== 'all') filtered = filtered.where('is_pull_request', '=', type === 'pull_request' ? 1 : 0)
  if (status !== 'all') {
    filtered = filtered.where('status', 'in', status === 'open' ? ['open', 'draft'] : ['closed', 'merged'])
  }
  if (authorId !== undefined) filtered = filtered.where('author_id', '=', authorId)
  const { count } = await filtered
    .select(eb => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  const rows = await filtered.selectAll().orderBy('number', 'desc').offset(start).limit(limit).execute()
  return { discussions: rows.map(toDiscussion), count }
}

/** How many of a user's are open in a repository. */
export async function countOpen(sql: Sql, repoId: string, authorId: string): Promise<number> {
  const { count } = await tables(sql)
    .selectFrom('discussions')
    .select(eb => eb.fn.countAll<number>().as('count'))
    .where('repo_id', '=', repoId)
    .where('author_id', '=', authorId)
    .where('status', 'in', ['open', 'draft'])
    .executeTakeFirstOrThrow()
  return count
}

/** How many bytes pull requests that are not merged have brought to a repository: one author's, and all. */
export async function broughtTo(
  sql: Sql,
  repoId: string,
  authorId: string,
): Promise<{ byOne: number; byAll: number }> {
  const rows = await tables(sql)
    .selectFrom('discussions')
    .select(['author_id', eb => eb.fn.sum<number>('brought_bytes').as('bytes')])
    .where('repo_id', '=', repoId)
    .where('brought_bytes', '>', 0)
    .where('status', '!=', 'merged')
    .groupBy('author_id')
    .execute()
  return {
    byOne: rows.find(row => row.author_id === authorId)?.bytes ?? 0,
    byAll: rows.reduce((sum, row) => sum + row.bytes, 0),
  }
}

export async function addBrought(tx: Sql, repoId: string, number: number, bytes: number): Promise<void> {
  await tables(tx)
    .updateTable('discussions')
    .set(eb => ({ brought_bytes: eb('brought_bytes', '+', bytes) }))
    .where('repo_id', '=', repoId)
    .where('number', '=', number)
    .execute()
}

export async function removeRepo(tx: Sql, repoId: string): Promise<void> {
  for (const table of ['discussion_boards', 'discussions', 'discussion_events', 'image_uses'] as const) {
    await tables(tx).deleteFrom(table).where('repo_id', '=', repoId).execute()
  }
}

function toDiscussion(row: DiscussionTables['discussions']): Discussion {
  return {
    repoId: row.repo_id,
    number: row.number,
    title: row.title,
    status: row.status,
    isPullRequest: row.is_pull_request === 1,
    authorId: row.author_id,
    createdAt: row.created_at,
    base: row.base,
    mergeCommit: row.merge_commit,
    mergeBase: row.merge_base,
    eventCount: row.event_count,
    textBytes: row.text_bytes,
  }
}

function toEvent(row: DiscussionTables['discussion_events']): DiscussionEvent {
  return {
    id: row.id,
    authorId: row.author_id,
    createdAt: row.created_at,
    data: { type: row.type, ...JSON.parse(row.data) } as EventData,
  }
}
