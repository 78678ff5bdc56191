import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPostgres, type TestPostgres } from '../../../test/postgres.ts'
import { openPostgres } from '../../drivers/database-postgres.ts'
import { openSqlite } from '../../drivers/database-sqlite.ts'
import type { Database } from '../../ports/database.ts'
import { addEvent, newComment } from './change-discussion.ts'
import { discussionMigrations } from './migrations/index.ts'
import {
  addBrought,
  boardOf,
  broughtTo,
  eventsOf,
  findComment,
  findDiscussion,
  insertDiscussion,
  listDiscussions,
  lockDiscussion,
  removeRepo,
  saveBoard,
  takeNumber,
  updateDiscussion,
} from './store.ts'
import { deleteUnused, forgetUses, imageBytesOf, insertImage, pageOfUnused } from './store-images.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

describe.each(['sqlite', 'postgres'])('discussions in %s', kind => {
  let folder: string
  let database: Database
  const parts = { clock: () => 1000 }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'banyan-discussions-'))
    database =
      kind === 'sqlite'
        ? await openSqlite(join(folder, 'hub.sqlite'))
        : await openPostgres(await postgres.createDatabase())
    await database.migrate(discussionMigrations)
  })
  afterEach(async () => {
    await database.close()
    await rm(folder, { recursive: true })
  })

  const open = (repoId: string, authorId: string | null, more: { base?: string; hubSubject?: string } = {}) =>
    database.transaction(async tx => {
      const { number } = await takeNumber(tx, repoId)
      const { base = null, hubSubject = null } = more
      const made = { repoId, number, title: 'A title', status: 'open', authorId, base, hubSubject } as const
      await insertDiscussion(tx, made, 1000)
      await addEvent(parts, tx, { repoId, number }, authorId, newComment('said'))
      return number
    })

  it('are numbered once each, by whomever and at whatever moment', async () => {
    const numbers = await Promise.all(Array.from({ length: 20 }, () => open('r', 'bob')))
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
    expect(await open('other', 'bob')).toBe(1)
  })

  it('keep their events in order, whoever adds them at once', async () => {
    const number = await open('r', 'bob')
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        database.transaction(async tx => {
          const discussion = (await lockDiscussion(tx, 'r', number, 2000))!
          await addEvent(parts, tx, discussion, 'ada', newComment(`${at}`))
        }),
      ),
    )
    const events = await eventsOf(database.sql, 'r', number)
    expect(events.map(({ data }) => data.type === 'comment' && data.raw).sort()).toEqual(
      ['said', ...Array.from({ length: 20 }, (_, at) => `${at}`)].sort(),
    )
    const [first] = events
    expect(await findComment(database.sql, { repoId: 'r', number }, first!.id)).toEqual(first)
    expect(await findComment(database.sql, { repoId: 'other', number }, first!.id)).toBeUndefined()
    expect(await findDiscussion(database.sql, 'r', number)).toMatchObject({ eventCount: 21 })
  })

  it('are listed by what is asked for, and go with their repository', async () => {
    await open('r', 'bob')
    await open('r', 'ada', { base: 'refs/heads/main' })
    await open('r', null, { hubSubject: 's' })
    await open('other', 'bob')
    await database.transaction(tx => updateDiscussion(tx, { repoId: 'r', number: 2 }, { status: 'merged' }))
    const all = { type: 'all', status: 'all', authorId: undefined } as const
    const list = async (filter: Partial<Parameters<typeof listDiscussions>[2]>, start = 0) => {
      const page = await listDiscussions(database.sql, 'r', { ...all, ...filter }, { start, limit: 2 })
      return [page.count, page.discussions.map(({ number }) => number)]
    }
    expect(await list({})).toEqual([3, [3, 2]])
    expect(await list({}, 2)).toEqual([3, [1]])
    expect(await list({ status: 'open' })).toEqual([2, [3, 1]])
    expect(await list({ status: 'closed', type: 'pull_request' })).toEqual([1, [2]])
    expect(await list({ authorId: 'bob' })).toEqual([1, [1]])
    await expect(open('r', null, { hubSubject: 's' })).rejects.toSatisfy(error => database.isDuplicate(error))
    await database.transaction(tx => removeRepo(tx, 'r'))
    expect(await list({})).toEqual([0, []])
    expect(await open('r', 'bob')).toBe(1)
    expect((await listDiscussions(database.sql, 'other', all, { start: 0, limit: 2 })).count).toBe(1)
  })

  it('count what readers have brought until it is merged', async () => {
    for (const author of ['bob', 'bob', 'carol']) await open('r', author, { base: 'refs/heads/main' })
    await database.transaction(async tx => {
      for (const number of [1, 2, 3]) await addBrought(tx, 'r', number, 3_000_000_000)
      await addBrought(tx, 'r', 3, 1)
    })
    expect(await broughtTo(database.sql, 'r', 'bob')).toEqual({ byOne: 6_000_000_000, byAll: 9_000_000_001 })
    await database.transaction(tx => updateDiscussion(tx, { repoId: 'r', number: 2 }, { status: 'merged' }))
    expect(await broughtTo(database.sql, 'r', 'bob')).toEqual({ byOne: 3_000_000_000, byAll: 6_000_000_001 })
    expect(await broughtTo(database.sql, 'r', 'ada')).toEqual({ byOne: 0, byAll: 6_000_000_001 })
  })

  it('may be closed, before anything was opened and after', async () => {
    await database.transaction(tx => saveBoard(tx, 'r', { isClosedToHub: true }))
    expect(await boardOf(database.sql, 'r')).toEqual({ isClosed: false, isClosedToHub: true })
    await database.transaction(tx => saveBoard(tx, 'r', { isClosed: true }))
    const taken = await database.transaction(tx => takeNumber(tx, 'r'))
    expect(taken).toEqual({ number: 1, isClosed: true, isClosedToHub: true })
    expect(await boardOf(database.sql, 'never')).toEqual({ isClosed: false, isClosedToHub: false })
  })

  it('keep the images that they show', async () => {
    const ids = ['a', 'b'].map(digit => digit.repeat(32))
    for (const id of ids) {
      await insertImage(database.sql, {
        id,
        user_id: 'bob',
        content_type: 'image/png',
        bytes: 10,
        created_at: 500,
      })
    }
    const number = await open('r', 'bob')
    const event = await database.transaction(tx =>
      addEvent(parts, tx, { repoId: 'r', number }, 'bob', newComment(`![](https://h/uploads/${ids[0]}.png)`)),
    )
    const unused = async () => (await pageOfUnused(database.sql, '', 500)).map(image => image.id)
    expect(await unused()).toEqual([ids[1]])
    expect(await pageOfUnused(database.sql, '', 499)).toEqual([])
    expect(await database.transaction(tx => deleteUnused(tx, ids))).toEqual([ids[1]])
    expect(await imageBytesOf(database.sql, 'bob')).toBe(10)
    expect(await imageBytesOf(database.sql, 'ada')).toBe(0)
    await database.transaction(tx => forgetUses(tx, event.id))
    expect(await unused()).toEqual([ids[0]])
  })
})
