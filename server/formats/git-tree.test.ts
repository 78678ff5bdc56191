import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { MalformedInput } from '../kernel/errors.ts'
import { damaged, expectOnlyMalformed } from './damaged.suite.ts'
import { oidBytes } from './git-object.ts'
import { compareTreeEntries, encodeTree, Tree, type TreeEntry, type TreeMode } from './git-tree.ts'

const oidA = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
const oidB = '3b18e512dba79e4c8300dd08aeb37f8e728b8dad'
const cases = runs(10_000)

const oid = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(bytes => Buffer.from(bytes).toString('hex'))
const mode = fc.constantFrom<TreeMode>('100644', '100755', '120000', '40000', '160000')
const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 6 })
  .filter(text => text.isWellFormed() && !/[/\0]|^\.\.?$|^\.git$/i.test(text))
const entries = fc.uniqueArray(fc.record({ mode, name, oid }), {
  maxLength: 6,
  selector: entry => entry.name,
})

const parse = (content: Uint8Array) => new Tree(content).entries()

function treeOf(mode: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`, 'latin1'), oidBytes(oidA)])
}

describe('trees', () => {
  it('sort a directory as if its name ended in a slash', () => {
    const names = parse(
      encodeTree([
        { mode: '100644', name: 'a0', oid: oidA },
        { mode: '40000', name: 'a', oid: oidA },
        { mode: '100644', name: 'a.b', oid: oidA },
        { mode: '100644', name: '\u{1f600}', oid: oidA },
        { mode: '100644', name: '\uff5e', oid: oidA },
      ]),
    ).map(entry => entry.name)
    expect(names).toEqual(['a.b', 'a', 'a0', '\uff5e', '\u{1f600}'])
  })

  it('compare like the bytes of their names', () => {
    const entry = fc.record({ mode, name })
    const key = (of: { mode: TreeMode; name: string }) =>
      Buffer.from(of.mode === '40000' ? `${of.name}/` : of.name)
    fc.assert(
      fc.property(entry, entry, (a, b) => {
        expect(Math.sign(compareTreeEntries(a, b))).toBe(Buffer.compare(key(a), key(b)))
      }),
      cases,
    )
  })

  it('come back as they were, in order', () => {
    fc.assert(
      fc.property(entries, list => {
        expect(parse(encodeTree(list))).toEqual(list.toSorted(compareTreeEntries))
      }),
      cases,
    )
  })

  it.each([
    ['100664', '100644'],
    ['100676', '100644'],
    ['100744', '100755'],
    ['100775', '100755'],
    ['040000', '40000'],
    ['120777', '120000'],
    ['160000', '160000'],
  ])('read mode %s as %s', (written, read) => {
    expect(parse(treeOf(written, 'x'))).toEqual([{ mode: read, name: 'x', oid: oidA }])
  })

  it('are read unsorted too', () => {
    expect(parse(Buffer.concat([treeOf('100644', 'b'), treeOf('100644', 'a')]))).toHaveLength(2)
  })

  it.each([
    ['name that is not UTF-8', treeOf('100644', 'caf\xe9'), /not UTF-8/],
    ['empty name', treeOf('100644', ''), /is empty/],
    ['name with a slash', treeOf('100644', 'a/b'), /slash/],
    ['name ..', treeOf('40000', '..'), /kept for git/],
    ['name .GIT', treeOf('40000', '.GIT'), /kept for git/],
    ['mode of a device', treeOf('020000', 'x'), /mode "020000"/],
    ['mode that is no number', treeOf('10x644', 'x'), /mode "10x644"/],
    ['mode too long', treeOf('0000100644', 'x'), /no mode/],
    ['endless name', treeOf('100644', 'x'.repeat(5000)), /no NUL/],
    ['cut id', treeOf('100644', 'x').subarray(0, -1), /cut short/],
  ])('refuse a %s', (_, content, fault) => {
    expect(() => parse(content)).toThrow(MalformedInput)
    expect(() => parse(content)).toThrow(fault)
  })

  it('keep a real U+FFFD and a byte order mark in names', () => {
    const list: TreeEntry[] = [
      { mode: '100644', name: '\ufeffbom', oid: oidA },
      { mode: '100644', name: 'x\ufffd', oid: oidA },
    ]
    expect(parse(encodeTree(list))).toEqual(list.toSorted(compareTreeEntries))
  })

  it.each(['', '.', '..', '.git', 'a/b', 'a\0b', '\ud800'])('are not written with name %j', name => {
    expect(() => encodeTree([{ mode: '100644', name, oid: oidA }])).toThrow(MalformedInput)
  })

  it('hold names of up to 4096 bytes', () => {
    const named = (name: string) => encodeTree([{ mode: '100644', name, oid: oidA }])
    expect(parse(named('é'.repeat(2048)))).toHaveLength(1)
    expect(() => named('é'.repeat(2049))).toThrow(MalformedInput)
  })

  it('are not written with a name that is both file and directory', () => {
    const list: TreeEntry[] = [
      { mode: '100644', name: 'a', oid: oidA },
      { mode: '100644', name: 'a.b', oid: oidA },
      { mode: '40000', name: 'a', oid: oidA },
    ]
    expect(() => encodeTree(list)).toThrow(/"a" comes twice/)
  })

  it('give nothing but MalformedInput when damaged', () => {
    expectOnlyMalformed(damaged(entries.map(encodeTree)), parse)
  })
})

describe('names in a tree', () => {
  /** Short names of two letters, so that many are beginnings of others, and files stand between a folder and its like. */
  const shortName = fc.stringMatching(/^[a.0]{1,3}$/).filter(text => text !== '.' && text !== '..')
  const shortEntries = fc.uniqueArray(
    fc.record({ mode, name: shortName, oid: fc.constantFrom(oidA, oidB) }),
    { maxLength: 12, selector: entry => entry.name },
  )

  it('are found, and no others', () => {
    fc.assert(
      fc.property(shortEntries, shortName, (list, other) => {
        const tree = new Tree(encodeTree(list))
        for (const entry of list) expect(tree.find(entry.name)).toEqual(entry)
        expect(tree.find(other)).toEqual(list.find(entry => entry.name === other))
      }),
      cases,
    )
  })

  it('are put and taken out as if the tree were written anew', () => {
    const change = fc.record({ entry: shortEntries, without: fc.array(shortName, { maxLength: 4 }) })
    fc.assert(
      fc.property(shortEntries, change, (list, { entry: put, without }) => {
        const changes = new Map<string, TreeEntry | undefined>(without.map(name => [name, undefined]))
        for (const entry of put) changes.set(entry.name, entry)
        const wanted = [...list.filter(entry => !changes.has(entry.name)), ...put]
        const content = new Tree(encodeTree(list)).with(changes)
        expect(Buffer.compare(content, encodeTree(wanted))).toBe(0)
      }),
      cases,
    )
  })

  it.each(['', '..', '.git', 'a/b', 'a\0b', '\ud800', 'x'.repeat(4097)])('are not put as %j', name => {
    const changes = new Map<string, TreeEntry>([[name, { mode: '100644', name, oid: oidA }]])
    expect(() => new Tree(new Uint8Array()).with(changes)).toThrow(MalformedInput)
  })

  it('that another tree has not, or has with another mode or id', () => {
    fc.assert(
      fc.property(shortEntries, shortEntries, (mine, its) => {
        const same = (a: TreeEntry, b: TreeEntry) => a.name === b.name && a.mode === b.mode && a.oid === b.oid
        const wanted = mine
          .toSorted(compareTreeEntries)
          .filter(entry => !its.some(other => same(entry, other)))
          .map(entry => entry.name)
        expect(new Tree(encodeTree(mine)).namesNotIn(new Tree(encodeTree(its)))).toEqual(wanted)
      }),
      cases,
    )
  })

  it('are compared many at a time', () => {
    const list = (count: number, step: number): TreeEntry[] =>
      Array.from({ length: count }, (_, n) => ({
        mode: '100644',
        name: `file-${String(n * step).padStart(6, '0')}`,
        oid: oidA,
      }))
    const all = list(1000, 1)
    const other = 'f'.repeat(40)
    const changed = all.map((entry, n) => (n % 300 === 7 ? { ...entry, oid: other } : entry))
    const tree = new Tree(encodeTree(changed.filter((_, n) => n !== 500)))
    expect(tree.namesNotIn(new Tree(encodeTree(all)))).toEqual([7, 307, 607, 907].map(n => all[n]?.name))
    expect(new Tree(encodeTree(all)).namesNotIn(new Tree(encodeTree(list(500, 2))))).toHaveLength(500)
    expect(new Tree(encodeTree(all)).namesNotIn(new Tree(encodeTree(all)))).toEqual([])
  })

  it('are the same under an old spelling of a mode', () => {
    const old = new Tree(treeOf('100664', 'x'))
    expect(old.namesNotIn(new Tree(treeOf('100644', 'x')))).toEqual([])
    expect(old.namesNotIn(new Tree(treeOf('100755', 'x')))).toEqual(['x'])
  })
})
