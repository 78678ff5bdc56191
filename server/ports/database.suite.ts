import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nextTurn } from '../../test/next-turn.ts'
import { MalformedInput } from '../kernel/errors.ts'
import type { Database, Sql } from './database.ts'

type Tables = {
  items: { id: string; slug: string | null; n: number; ratio: number | null; bytes: Uint8Array | null }
  parts: { id: string; item: string }
}

const migrations: Record<string, Migration> = {
  '0001_items': {
    async up(db) {
      await db.schema
        .createTable('items')
        .addColumn('id', 'text', column => column.notNull().primaryKey())
        .addColumn('slug', 'text', column => column.unique())
        .addColumn('n', 'bigint', column => column.notNull().defaultTo(0))
        .addColumn('ratio', 'double precision')
        .addColumn('bytes', sql`bytea`)
        .execute()
      await db.schema
        .createTable('parts')
        .addColumn('id', 'text', column => column.notNull().primaryKey())
        .addColumn('item', 'text', column => column.notNull().references('items.id').onDelete('cascade'))
        .execute()
    },
  },
}

/**
 * What every database driver does alike. `create` makes a new, empty store, and gives how to open it: each call as
 * another process would.
 */
export function databaseSuite(name: string, create: () => Promise<() => Promise<Database>>): void {
  describe(`${name} as a database`, () => {
    let opened: Database[]
    let again: () => Promise<Database>
    let database: Database

    beforeEach(async () => {
      opened = []
      const open = await create()
      again = async () => {
        const another = await open()
        opened.push(another)
        return another
      }
      database = await again()
    })

    afterEach(async () => {
      await Promise.all(opened.map(one => one.close()))
    })

    const tables = (one: Sql) => one.withTables<Tables>()

    const insert = (one: Sql, row: Partial<Tables['items']> & { id: string }) =>
      tables(one)
        .insertInto('items')
        .values({ n: 0, ...row })
        .execute()

    const read = (one: Sql, id: string) =>
      tables(one).selectFrom('items').selectAll().where('id', '=', id).executeTakeFirst()

    const increment = (one: Sql, id: string) =>
      tables(one)
        .updateTable('items')
        .set(set => ({ n: set('n', '+', 1) }))
        .where('id', '=', id)
        .execute()

    describe('what is remembered', () => {
      beforeEach(() => database.migrate(migrations))

      const remember = (one = database) =>
        one.remember({
          tables: ['items'],
          max: 10,
          load: async id => (await read(one.sql, id))?.n,
        })

      it('follows every kind of write, at once', async () => {
        const n = remember()
        expect(await n('a')).toBeUndefined()
        await insert(database.sql, { id: 'a', n: 1 })
        expect(await n('a')).toBe(1)
        await increment(database.sql, 'a')
        expect(await n('a')).toBe(2)
        await database.transaction(tx => increment(tx, 'a'))
        expect(await n('a')).toBe(3)
        await sql`update items set n = 4`.execute(database.sql)
        expect(await n('a')).toBe(4)
        await tables(database.sql).updateTable('items as i').set({ n: 5 }).execute()
        expect(await n('a')).toBe(5)
        await tables(database.sql)
          .insertInto('items')
          .values({ id: 'a', n: 0 })
          .onConflict(conflict => conflict.column('id').doUpdateSet({ n: 6 }))
          .returning('id')
          .execute()
        expect(await n('a')).toBe(6)
        await tables(database.sql).deleteFrom('items').execute()
        expect(await n('a')).toBeUndefined()
      })

      it('follows what another process writes', async () => {
        const other = await again()
        const [here, there] = [remember(), remember(other)]
        await insert(database.sql, { id: 'a', n: 1 })
        expect([await here('a'), await there('a')]).toEqual([1, 1])
        for (let i = 2; i < 6; i++) {
          await (i % 2 ? database : other).transaction(tx => increment(tx, 'a'))
          await nextTurn()
          expect([await here('a'), await there('a')]).toEqual([i, i])
        }
      })

      it('is never the answer from before a write that came while it was loading', async () => {
        await insert(database.sql, { id: 'a', n: 1 })
        let goOn = () => {}
        const gate = new Promise<void>(resolve => {
          goOn = resolve
        })
        const n = database.remember({
          tables: ['items'],
          max: 10,
          async load(id) {
            const row = await read(database.sql, id)
            await gate
            return row?.n
          },
        })
        const early = n('a')
        await sleep(5)
        await increment(database.sql, 'a')
        const late = n('a')
        goOn()
        expect([await early, await late, await n('a')]).toEqual([1, 2, 2])
      })

      it('shows nothing of a transaction that is open or rolled back', async () => {
        const n = remember()
        await insert(database.sql, { id: 'a', n: 1 })
        expect(await n('a')).toBe(1)
        await database
          .transaction(async tx => {
            await increment(tx, 'a')
            throw new Error('changed my mind')
          })
          .catch(() => {})
        expect(await n('a')).toBe(1)
        const asked = database.transaction(async tx => {
          await increment(tx, 'a')
          await n('a')
        })
        await expect(asked).rejects.toThrow('awaited inside')
        expect(await n('a')).toBe(1)
      })

      it('does not keep a failure', async () => {
        let fails = true
        const n = database.remember({
          tables: ['items'],
          max: 10,
          async load() {
            if (fails) throw new Error('not now')
            return 1
          },
        })
        await expect(Promise.resolve(n('a'))).rejects.toThrow('not now')
        fails = false
        expect(await n('a')).toBe(1)
      })
    })

    describe('transactions', () => {
      beforeEach(() => database.migrate(migrations))

      it('commit, and give what the work gives', async () => {
        const given = await database.transaction(async tx => {
          await insert(tx, { id: 'a', n: 1 })
          await insert(tx, { id: 'b', n: 2 })
          return 'done'
        })
        expect(given).toBe('done')
        const other = await again()
        expect((await read(other.sql, 'a'))?.n).toBe(1)
        expect((await read(other.sql, 'b'))?.n).toBe(2)
      })

      it('roll back when the work rejects, with its error', async () => {
        const error = new Error('changed my mind')
        const attempt = database.transaction(async tx => {
          await insert(tx, { id: 'a' })
          throw error
        })
        await expect(attempt).rejects.toBe(error)
        expect(await read(database.sql, 'a')).toBeUndefined()
        await database.transaction(tx => insert(tx, { id: 'a' }))
        expect(await read(database.sql, 'a')).toBeDefined()
      })

      it('end with the first statement that fails, even when its error is caught', async () => {
        await insert(database.sql, { id: 'taken' })
        const attempt = database.transaction(async tx => {
          await insert(tx, { id: 'a' })
          await insert(tx, { id: 'taken' }).catch(() => {})
        })
        await expect(attempt).rejects.toThrow()
        expect(await read(database.sql, 'a')).toBeUndefined()

        let next: string | undefined
        const goesOn = database.transaction(async tx => {
          await insert(tx, { id: 'taken' }).catch(() => {})
          next = await insert(tx, { id: 'b' }).then(
            () => 'taken',
            () => 'refused',
          )
        })
        await expect(goesOn).rejects.toThrow()
        expect(next).toBe('refused')
        expect(await read(database.sql, 'b')).toBeUndefined()
      })

      it('lose no increment of many at once, from two processes', async () => {
        await insert(database.sql, { id: 'a' })
        const other = await again()
        const each = (one: Database) => () => one.transaction(tx => increment(tx, 'a'))
        const alone = (one: Database) => () => increment(one.sql, 'a')
        const writers = [each(database), each(other), alone(database), alone(other)]
        await Promise.all(Array.from({ length: 80 }, (_, i) => writers[i % 4]!()))
        expect((await read(database.sql, 'a'))?.n).toBe(80)
      })

      it('let one of many compare-and-sets win', async () => {
        await insert(database.sql, { id: 'a', slug: 'old' })
        const other = await again()
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            (i % 2 ? database : other).transaction(async tx => {
              const result = await tables(tx)
                .updateTable('items')
                .set({ slug: `new ${i}` })
                .where('id', '=', 'a')
                .where('slug', '=', 'old')
                .executeTakeFirst()
              return result.numUpdatedRows
            }),
          ),
        )
        expect(outcomes.filter(updated => updated === 1n)).toHaveLength(1)
        expect(outcomes.filter(updated => updated === 0n)).toHaveLength(19)
      })

      it('that touch rows in opposite orders both commit', async () => {
        await insert(database.sql, { id: 'a' })
        await insert(database.sql, { id: 'b' })
        const cross = (first: string, second: string) =>
          database.transaction(async tx => {
            await increment(tx, first)
            await sleep(100)
            await increment(tx, second)
          })
        await Promise.all([cross('a', 'b'), cross('b', 'a')])
        expect((await read(database.sql, 'a'))?.n).toBe(2)
        expect((await read(database.sql, 'b'))?.n).toBe(2)
      })

      it('read in parallel inside, and are seen whole or not at all outside', async () => {
        await insert(database.sql, { id: 'a', n: 0 })
        await insert(database.sql, { id: 'b', n: 0 })
        const seen: number[][] = []
        const pair = async (one: Sql) => {
          const rows = await tables(one).selectFrom('items').select('n').orderBy('id').execute()
          return rows.map(row => row.n)
        }
        const writing = database.transaction(async tx => {
          for (let round = 1; round <= 20; round++) {
            await increment(tx, 'a')
            const inside = await Promise.all([pair(tx), pair(tx), pair(tx)])
            expect(inside).toEqual(Array(3).fill([round, round - 1]))
            await increment(tx, 'b')
          }
        })
        const other = await again()
        const reading = Array.from({ length: 30 }, async (_, i) => {
          await sleep(i % 5)
          seen.push(await pair((i % 2 ? database : other).sql))
        })
        await Promise.all([writing, ...reading])
        expect(seen).toHaveLength(30)
        for (const values of seen) expect([0, 20].map(n => [n, n])).toContainEqual(values)
      })

      it('refuse statements on the database inside, instead of hanging', async () => {
        await expect(database.transaction(() => read(database.sql, 'a'))).rejects.toThrow('inside it')
        await expect(database.transaction(() => database.transaction(async () => {}))).rejects.toThrow(
          'inside it',
        )
        // What the work has started may go on when the transaction is over.
        let later: Promise<unknown> | undefined
        await database.transaction(async tx => {
          later = sleep(50).then(() => read(database.sql, 'a'))
          await insert(tx, { id: 'a' })
        })
        expect(await later).toBeDefined()
      })

      it('call afterCommit listeners once the change is visible to all, and never after a rollback', async () => {
        const other = await again()
        const visible = new Promise(resolve => {
          void database.transaction(async tx => {
            database.afterCommit(() => resolve(read(other.sql, 'a')))
            await insert(tx, { id: 'a' })
          })
        })
        expect(await visible).toBeDefined()

        let called = false
        const rolledBack = database.transaction(async () => {
          database.afterCommit(() => {
            called = true
          })
          throw new Error('no')
        })
        await expect(rolledBack).rejects.toThrow('no')
        await sleep(10)
        expect(called).toBe(false)
        expect(() => database.afterCommit(() => {})).toThrow('outside a transaction')
      })
    })

    describe('constraints', () => {
      beforeEach(() => database.migrate(migrations))

      const errorOf = (promise: Promise<unknown>) =>
        promise.then(
          () => undefined,
          error => error,
        )

      it('tell a duplicate key from every other fault', async () => {
        await insert(database.sql, { id: 'a', slug: 's' })
        expect(database.isDuplicate(await errorOf(insert(database.sql, { id: 'a' })))).toBe(true)
        expect(database.isDuplicate(await errorOf(insert(database.sql, { id: 'b', slug: 's' })))).toBe(true)
        const inside = database.transaction(tx => insert(tx, { id: 'a' }))
        expect(database.isDuplicate(await errorOf(inside))).toBe(true)

        const orphan = tables(database.sql).insertInto('parts').values({ id: 'p', item: 'nobody' }).execute()
        const faults = [
          await errorOf(orphan),
          await errorOf(sql`insert into items (id, n) values ('z', null)`.execute(database.sql)),
          await errorOf(sql`select * from nowhere`.execute(database.sql)),
          new Error('UNIQUE constraint failed'),
          undefined,
        ]
        expect(faults.slice(0, 3).every(fault => fault instanceof Error)).toBe(true)
        expect(faults.map(fault => database.isDuplicate(fault))).toEqual(faults.map(() => false))
      })

      it('delete what belongs to a deleted row', async () => {
        await insert(database.sql, { id: 'a' })
        await tables(database.sql).insertInto('parts').values({ id: 'p', item: 'a' }).execute()
        await tables(database.sql).deleteFrom('items').where('id', '=', 'a').execute()
        expect(await tables(database.sql).selectFrom('parts').selectAll().execute()).toEqual([])
      })

      it('let a duplicate pass with onConflict', async () => {
        await insert(database.sql, { id: 'a', n: 1 })
        await database.transaction(async tx => {
          const result = await tables(tx)
            .insertInto('items')
            .values({ id: 'a', n: 2 })
            .onConflict(conflict => conflict.doNothing())
            .executeTakeFirst()
          expect(result.numInsertedOrUpdatedRows).toBe(0n)
        })
        expect((await read(database.sql, 'a'))?.n).toBe(1)
      })
    })

    describe('values', () => {
      beforeEach(() => database.migrate(migrations))

      it('bytes come back as they went', async () => {
        const all = Uint8Array.from({ length: 256 }, (_, i) => i)
        await insert(database.sql, { id: 'all', bytes: all })
        await insert(database.sql, { id: 'none', bytes: new Uint8Array() })
        const found = (await read(database.sql, 'all'))?.bytes
        expect(found).toBeInstanceOf(Uint8Array)
        expect(Uint8Array.from(found!)).toEqual(all)
        expect((await read(database.sql, 'none'))?.bytes).toHaveLength(0)
        const byBytes = await tables(database.sql)
          .selectFrom('items')
          .select('id')
          .where('bytes', '=', Buffer.from(all))
          .execute()
        expect(byBytes).toEqual([{ id: 'all' }])
      })

      it.each([
        0,
        1,
        -1,
        2 ** 31,
        -(2 ** 31) - 1,
        2 ** 40 + 1,
        Number.MAX_SAFE_INTEGER,
        Number.MIN_SAFE_INTEGER,
      ])('the integer %d is exact, as number', async n => {
        await insert(database.sql, { id: 'a', n })
        expect((await read(database.sql, 'a'))?.n).toBe(n)
      })

      it('counts, sums and averages are numbers', async () => {
        await insert(database.sql, { id: 'a', n: 2 ** 40 })
        await insert(database.sql, { id: 'b', n: 2 ** 40 + 1 })
        const found = await tables(database.sql)
          .selectFrom('items')
          .select(({ fn }) => [
            fn.countAll().as('count'),
            fn.sum('n').as('sum'),
            fn.avg('n').as('average'),
            fn.max('n').as('max'),
          ])
          .executeTakeFirst()
        expect(found).toEqual({ count: 2, sum: 2 ** 41 + 1, average: 2 ** 40 + 0.5, max: 2 ** 40 + 1 })
      })

      it('integers stay integers when they are divided, or stored as text', async () => {
        await insert(database.sql, { id: 'a', n: 2 ** 33 + 5 })
        const { rows } = await sql`select n / ${2 ** 32} as large, n / ${2} as small from items`.execute(
          database.sql,
        )
        expect(rows).toEqual([{ large: 2, small: 2 ** 32 + 2 }])
        await sql`insert into items (id, slug) values ('b', ${7})`.execute(database.sql)
        expect((await read(database.sql, 'b'))?.slug).toBe('7')
      })

      it('integers that a number cannot hold are refused, going in and coming out', async () => {
        await expect(insert(database.sql, { id: 'a', n: 2 ** 53 })).rejects.toThrow(RangeError)
        await expect(sql`select n from items where n = ${2n ** 53n}`.execute(database.sql)).rejects.toThrow(
          RangeError,
        )
        await insert(database.sql, { id: 'a', n: Number.MAX_SAFE_INTEGER })
        await expect(sql`select n + 1 as next from items`.execute(database.sql)).rejects.toThrow(RangeError)
        await expect(sql`select sum(n) * 2 as sum from items`.execute(database.sql)).rejects.toThrow(
          RangeError,
        )
        expect((await read(database.sql, 'a'))?.n).toBe(Number.MAX_SAFE_INTEGER)
      })

      it.each([0.1, -2.5, 3, 1e-300, Math.PI])('the double %d is exact', async ratio => {
        await insert(database.sql, { id: 'a', ratio })
        expect((await read(database.sql, 'a'))?.ratio).toBe(ratio)
      })

      it('what the two databases would store in different ways is refused', async () => {
        for (const value of [true, undefined, new Date(0), Number.NaN, Number.POSITIVE_INFINITY, {}, ['a']]) {
          const statement = sql`select id from items where slug = ${value}`.execute(database.sql)
          await expect(statement, String(value)).rejects.toThrow(TypeError)
        }
        for (const text of ['a\0b', 'half \ud83d', '\udf33']) {
          await expect(insert(database.sql, { id: text })).rejects.toThrow(MalformedInput)
        }
      })

      it('Unicode text comes back as it went, not normalised', async () => {
        const texts = [
          '榕树',
          '🌳🏽',
          'é',
          'e\u0301',
          'שלום',
          '\u{10ffff}',
          ' \t\n',
          "'; drop table items --",
          '',
        ]
        for (const text of texts) await insert(database.sql, { id: text, slug: text })
        for (const text of texts) expect((await read(database.sql, text))?.slug).toBe(text)
      })

      it('text sorts and compares by code point', async () => {
        // As UTF-16 the two last would change places; as a language sorts, nearly all would.
        const sorted = [
          '',
          '-',
          '.',
          '0',
          '10',
          '9',
          'A',
          'B',
          'Z',
          '_',
          'a',
          'a-',
          'ab',
          'b',
          'z',
          'é',
          '榕',
          '\ufffd',
          '🌳',
        ]
        for (const text of sorted.toReversed()) await insert(database.sql, { id: text })
        const ids = async (after: string | undefined) => {
          let query = tables(database.sql).selectFrom('items').select('id').orderBy('id')
          if (after !== undefined) query = query.where('id', '>', after)
          return (await query.execute()).map(row => row.id)
        }
        expect(await ids(undefined)).toEqual(sorted)
        for (const [i, text] of sorted.entries()) expect(await ids(text)).toEqual(sorted.slice(i + 1))
      })

      it('lower folds ASCII and nothing else', async () => {
        const { rows } = await sql`select lower(${'ABZ É Ω'}) as folded`.execute(database.sql)
        expect(rows).toEqual([{ folded: 'abz É Ω' }])
      })
    })

    describe('migrate', () => {
      const names = async (one: Database) => {
        const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(
          one.sql,
        )
        return rows.map(row => row.name)
      }
      const second: Record<string, Migration> = {
        ...migrations,
        '0002_color': {
          async up(db) {
            await db.schema.alterTable('items').addColumn('color', 'text').execute()
          },
        },
      }

      it('runs each migration once, and only what is missing', async () => {
        await database.migrate(migrations)
        await insert(database.sql, { id: 'a' })
        await database.migrate(migrations)
        await database.migrate(second)
        await database.migrate(second)
        expect(await names(database)).toEqual(['0001_items', '0002_color'])
        expect(await read(database.sql, 'a')).toMatchObject({ id: 'a', color: null })
      })

      it('may be called by several processes at once', async () => {
        const others = [database, await again(), await again(), await again()]
        await Promise.all(others.map(one => one.migrate(second)))
        expect(await names(database)).toEqual(['0001_items', '0002_color'])
      })

      it('leaves nothing of a migration that fails, and names it', async () => {
        await database.migrate(migrations)
        const broken: Record<string, Migration> = {
          ...migrations,
          '0002_broken': {
            async up(db) {
              await db.schema.createTable('halfway').addColumn('id', 'text').execute()
              await sql`insert into nowhere values (1)`.execute(db)
            },
          },
        }
        await expect(database.migrate(broken)).rejects.toThrow('0002_broken')
        expect(await names(database)).toEqual(['0001_items'])
        await expect(sql`select * from halfway`.execute(database.sql)).rejects.toThrow()
        await database.migrate(second)
        expect(await names(database)).toEqual(['0001_items', '0002_color'])
      })

      it('refuses a database that a newer Banyan has written', async () => {
        await database.migrate(second)
        await expect(database.migrate(migrations)).rejects.toThrow('0002_color')
      })
    })

    it('answers pings until it is closed', async () => {
      await database.ping()
      await database.close()
      await expect(database.ping()).rejects.toThrow()
    })
  })
}
