import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { runs } from '../../test/fuzz-runs.ts'
import { MalformedInput } from '../kernel/errors.ts'
import { parseBody } from './body.ts'
import { encodeCursor, readPosition } from './pages.ts'
import { count, flag, index, list, text } from './query.ts'

const value = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '0', '1', '-1', '1e3', '1e400', '0x10', 'NaN', 'true', 'True', '9007199254740993'),
  fc.array(fc.string(), { maxLength: 4 }),
  fc.jsonValue(),
)

describe('values of a query or form', () => {
  it('are what they must be, or are refused', () => {
    fc.assert(
      fc.property(value, given => {
        const number = count.safeParse(given)
        if (number.data !== undefined) expect(number.data).toBeGreaterThanOrEqual(1)
        const position = index.safeParse(given)
        if (position.data !== undefined) expect(position.data).toBeGreaterThanOrEqual(0)
        for (const found of [number.data, position.data]) expect(Number.isSafeInteger(found ?? 0)).toBe(true)
        expect(['boolean', 'undefined']).toContain(typeof flag.safeParse(given).data)
        expect(['string', 'undefined']).toContain(typeof text.safeParse(given).data)
        for (const item of list.safeParse(given).data ?? []) expect(typeof item).toBe('string')
      }),
      runs(10_000),
    )
  })

  it('come back from a form as they were written', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('a', 'b[]', '__proto__'), fc.string({ unit: 'binary' }))),
        pairs => {
          const form = new URLSearchParams(pairs)
          const found = parseBody('application/x-www-form-urlencoded', Buffer.from(form.toString())) as object
          expect(Object.getPrototypeOf(found)).toBeNull()
          for (const name of ['a', 'b[]', '__proto__']) {
            const values = [(found as Record<string, unknown>)[name.replace('[]', '')] ?? []].flat()
            expect(values).toEqual(form.getAll(name))
          }
        },
      ),
      runs(10_000),
    )
  })

  it('repeated a million times take no longer than others', () => {
    const form = Buffer.from('paths=a&'.repeat(1_000_000))
    const { paths } = parseBody('application/x-www-form-urlencoded', form) as { paths: string[] }
    expect(paths).toHaveLength(1_000_000)
  })

  it('over the limit are counted, not looked at one by one', () => {
    const refused = list.safeParse(Array.from({ length: 1_000_000 }, () => 0))
    expect(refused.error?.issues).toHaveLength(1)
    expect(refused.error?.issues[0]?.message).toContain('2000')
  })
})

describe('a cursor', () => {
  const shape = z.object({ start: z.number().int().nonnegative(), id: z.string() })

  it('comes back as it was given out, or is refused', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.string({ unit: 'binary' }),
        fc.oneof(fc.string(), fc.base64String()),
        (start, id, any) => {
          const position = { start, id: id.toWellFormed() }
          expect(readPosition(encodeCursor(position), shape)).toEqual(position)
          try {
            expect(shape.safeParse(readPosition(any, shape)).success).toBe(true)
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedInput)
          }
        },
      ),
      runs(10_000),
    )
  })
})
