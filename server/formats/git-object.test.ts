import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { damaged, expectOnlyMalformed } from './damaged.suite.ts'
import {
  type Commit,
  encodeCommit,
  encodeTag,
  type Identity,
  objectId,
  oidBytes,
  parseCommit,
  parseTag,
} from './git-object.ts'
import { Tree } from './git-tree.ts'

const oidA = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
const oidB = '3b18e512dba79e4c8300dd08aeb37f8e728b8dad'
const cases = runs(10_000)

const oid = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(bytes => Buffer.from(bytes).toString('hex'))
const identityText = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .map(text => text.replace(/[<>\p{Cc}]/gu, '').trim())
const identity: fc.Arbitrary<Identity> = fc.record({
  name: identityText,
  email: identityText,
  time: fc.integer({ min: 0, max: 8_640_000_000_000 }).map(seconds => seconds * 1000),
  offsetMinutes: fc.integer({ min: -5999, max: 5999 }),
})
const message = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .filter(text => text.isWellFormed() && !text.includes('\0'))
const commit = fc.record({
  tree: oid,
  parents: fc.array(oid, { maxLength: 3 }),
  author: identity,
  committer: identity,
  message,
})

const jane: Identity = {
  name: 'Jane',
  email: 'jane@example.org',
  time: 1_700_000_000_000,
  offsetMinutes: 480,
}
const plain: Commit = { tree: oidA, parents: [], author: jane, committer: jane, message: 'hello\n' }

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

describe('object ids', () => {
  it('are those of git', () => {
    expect(objectId('blob', new Uint8Array())).toBe(oidA)
    expect(objectId('blob', bytes('hello world\n'))).toBe(oidB)
    expect(objectId('tree', new Uint8Array())).toBe('4b825dc642cb6eb9a060e54bf8d69288fbee4904')
  })

  it('must be 40 lower-case hex digits', () => {
    expect(oidBytes(oidA)).toHaveLength(20)
    for (const wrong of ['', oidA.toUpperCase(), oidA.slice(1), `${oidA}0`, `${oidA}\n`, 'z'.repeat(40)]) {
      expect(() => oidBytes(wrong)).toThrow(MalformedInput)
    }
  })
})

describe('commits', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(commit, value => {
        expect(parseCommit(encodeCommit(value))).toEqual(value)
      }),
      cases,
    )
  })

  it('lose what would break the line of an identity', () => {
    const evil = { ...jane, name: ' Ja<ne>\nparent x\0 ', email: 'a> 0 +0000\ncommitter\r' }
    const text = Buffer.from(encodeCommit({ ...plain, author: evil })).toString()
    expect(text.split('\n')[1]).toBe('author Janeparent x <a 0 +0000committer> 1700000000 +0800')
    expect(parseCommit(Buffer.from(text)).committer).toEqual(jane)
  })

  it('never let an identity make a header', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 })
    fc.assert(
      fc.property(text, text, (name, email) => {
        const content = encodeCommit({ ...plain, author: { ...jane, name, email } })
        expect(parseCommit(content)).toMatchObject({ parents: [], committer: jane, message: 'hello\n' })
      }),
      cases,
    )
  })

  it('skip other headers, with their continuation lines', () => {
    const [head, body] = Buffer.from(encodeCommit(plain)).toString().split('\n\n')
    const signed = `${head}\nencoding UTF-8\ngpgsig -----BEGIN\n \n abc\n -----END\n\n${body}`
    expect(parseCommit(Buffer.from(signed))).toEqual(plain)
  })

  it('may end with their headers', () => {
    const head = Buffer.from(encodeCommit({ ...plain, message: '' })).subarray(0, -1)
    expect(parseCommit(head).message).toBe('')
  })

  it.each([
    ['no tree', /^tree .*\n/, ''],
    ['upper-case tree', /^tree .*/, `tree ${oidA.toUpperCase()}`],
    ['no author', /\nauthor .*/, ''],
    ['parent after the author', /\ncommitter/, `\nparent ${oidA}\ncommitter`],
  ])('are refused with %s', (_, from, to) => {
    const text = Buffer.from(encodeCommit(plain)).toString().replace(from, to)
    expect(() => parseCommit(Buffer.from(text))).toThrow(MalformedInput)
  })

  it.each([
    ['Ann <a@b> 1700000000 +0530', 'Ann', 'a@b', 1_700_000_000_000, 330],
    ['Ann <a@b>1700000000 +0530', 'Ann', 'a@b', 1_700_000_000_000, 330],
    ['Ann <a@b> 1700000000 +051800', 'Ann', 'a@b', 1_700_000_000_000, 0],
    ['Ann <a@b>', 'Ann', 'a@b', 0, 0],
    ['Ann <a@b> soon', 'Ann', 'a@b', 0, 0],
    ['Ann <a@b> 8640000000001 +0000', 'Ann', 'a@b', 0, 0],
    ['Ann', 'Ann', '', 0, 0],
    ['<a@b> 1 +0000', '', 'a@b', 1000, 0],
  ])('of old programs are read as git shows them: %s', (line, name, email, time, offsetMinutes) => {
    const text = Buffer.from(encodeCommit(plain))
      .toString()
      .replace(/^author .*$/m, `author ${line}`)
    expect(parseCommit(Buffer.from(text)).author).toEqual({ name, email, time, offsetMinutes })
  })

  it('read a zone of -0000 as zero', () => {
    const text = Buffer.from(encodeCommit(plain)).toString().replaceAll('+0800', '-0000')
    expect(parseCommit(Buffer.from(text)).author.offsetMinutes).toBe(0)
  })

  it.each<Partial<Commit>>([
    { tree: 'main' },
    { parents: ['HEAD'] },
    { message: 'a\0b' },
    { author: { ...jane, time: -1 } },
    { author: { ...jane, time: Number.NaN } },
    { author: { ...jane, time: Number.POSITIVE_INFINITY } },
    { author: { ...jane, offsetMinutes: 6000 } },
    { author: { ...jane, offsetMinutes: 0.5 } },
  ])('are not written with %j', part => {
    expect(() => encodeCommit({ ...plain, ...part })).toThrow(MalformedInput)
  })

  it('give nothing but MalformedInput when damaged', () => {
    expectOnlyMalformed(damaged(commit.map(encodeCommit)), parseCommit)
  })
})

describe('tags', () => {
  const tag = { object: oidA, type: 'commit', tag: 'v1.0', tagger: jane, message: 'first\n' } as const

  it('say what they tag', () => {
    expect(parseTag(encodeTag(tag))).toEqual({ object: oidA, type: 'commit', tag: 'v1.0' })
    expect(parseTag(bytes(`object ${oidB}\ntype tag\ntag old\n`))).toEqual({
      object: oidB,
      type: 'tag',
      tag: 'old',
    })
  })

  it.each([
    ['type', `object ${oidA}\ntype branch\ntag x\n`],
    ['name', `object ${oidA}\ntype commit\ntag \n`],
    ['object', 'object main\ntype commit\ntag x\n'],
    ['end', `object ${oidA}\ntype commit\ntag x`],
  ])('are refused for their %s', (_, text) => {
    expect(() => parseTag(bytes(text))).toThrow(MalformedInput)
  })

  it('are not written with a name of two lines', () => {
    for (const name of ['', 'a\nb', 'a\0'])
      expect(() => encodeTag({ ...tag, tag: name })).toThrow(MalformedInput)
  })

  it('give nothing but MalformedInput when damaged', () => {
    expectOnlyMalformed(damaged(fc.constant(encodeTag(tag))), parseTag)
  })
})

describe('an object longer than any string', () => {
  // Never written to beyond its start, so it takes address space but no memory.
  const huge = Buffer.alloc(0x2000_0000)

  function starting(text: string): Buffer {
    huge.fill(0, 0, 400)
    huge.write(text, 'latin1')
    return huge
  }

  it('is refused as malformed', () => {
    for (const start of ['', 'tree ', `tree ${oidA}\nauthor `, `object ${oidA}\ntype `, '100644 name']) {
      for (const parse of [(content: Uint8Array) => new Tree(content), parseCommit, parseTag]) {
        expect(() => parse(starting(start))).toThrow(MalformedInput)
      }
    }
  })

  it('is refused for its message', () => {
    const start = Buffer.from(encodeCommit(plain)).toString()
    expect(() => parseCommit(starting(start))).toThrow(LimitExceeded)
    expect(() => parseCommit(starting(start.slice(0, start.indexOf('\n\n') + 1)))).toThrow(MalformedInput)
  })
})
