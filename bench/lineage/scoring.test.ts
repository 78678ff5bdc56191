import { describe, expect, it } from 'vitest'
import * as scoring from './scoring.ts'
import { readExport, readHub, Truth } from './truth.ts'

/*
  a ── tuned ── copy          b ── quant          c (began from a's initialisation)
  a ── lora
  tuned + lora ── ties (base a)
  tuned ── washed (laundered)
*/
function model(
  id: string,
  relation: string,
  parents: string[],
  declared: string[] | null,
  more: object = {},
) {
  const wrong = declared?.some(d => d === 'b') && id !== 'quant'
  return {
    id,
    created: '2026-01-05T08:00:00.000Z',
    files_dir: id,
    truth: { parents, relation, detail: more },
    declared: { base_model: declared, relation: null, false: wrong ?? false },
  }
}
const hubText = JSON.stringify([
  model('a', 'root', [], null),
  model('b', 'root', [], null),
  model('c', 'root', [], null, { same_init: 'a' }),
  model('tuned', 'finetune', ['a'], ['a']),
  model('copy', 'copy', ['tuned'], ['a']),
  model('lora', 'lora_merged', ['a'], ['b']),
  model('ties', 'merge_ties', ['tuned', 'lora'], ['tuned', 'lora', 'a'], { base: 'a' }),
  model('washed', 'laundered', ['tuned'], null),
  model('quant', 'quantized', ['b'], ['b']),
])

type Line = {
  id: string
  parents: [string, string, number?][]
  family?: string
  declared?: [string, string][]
}
function exported(lines: readonly Line[]): string {
  const full = lines.map(({ id, parents, family, declared }) => ({
    id,
    parents: parents.map(([parent, relation, score = 1]) => ({ id: parent, relation, score })),
    family,
    declared: declared?.map(([base, verdict]) => ({ id: base, verdict })),
  }))
  return full.map(line => `${JSON.stringify(line)}\n`).join('')
}
const hub = readHub(hubText)
const truth = new Truth(hub)
const recovery = readExport(
  exported([
    { id: 'a', parents: [['tuned', 'finetune']], family: 'F' }, // turned round, and an extra edge
    { id: 'b', parents: [], family: 'G' },
    { id: 'c', parents: [], family: 'F' },
    { id: 'tuned', parents: [], family: 'F', declared: [['a', 'confirmed']] },
    { id: 'copy', parents: [['tuned', 'copy']], family: 'F', declared: [['a', 'relative']] },
    { id: 'lora', parents: [['a', 'finetune']], family: 'F', declared: [['b', 'refuted']] },
    {
      id: 'ties',
      parents: [
        ['copy', 'merge_linear', 0.2],
        ['lora', 'merge_ties', 0.9],
        ['a', 'merge_ties', 0.5],
      ],
      family: 'F',
      declared: [
        ['tuned', 'confirmed'],
        ['lora', 'confirmed'],
      ],
    },
    { id: 'washed', parents: [['lora', 'laundered']], family: 'F' },
    // quant is told nothing of
  ]),
  hub,
)

describe('scores of a hand-made hub', () => {
  it('counts edges, and neither asks for nor counts the base of a merge of task vectors', () => {
    // Asked: tuned→a, copy→tuned, lora→a, ties→tuned, ties→lora, washed→tuned, quant→b. Named: a→tuned, copy→tuned,
    // lora→a, ties→copy, ties→lora, washed→lora.
    expect(scoring.exactEdges(truth, recovery)).toEqual({
      precision: { right: 3, of: 6 },
      recall: { right: 3, of: 7 },
      f1: expect.closeTo(6 / 13),
    })
  })

  it('leaves out children that do not count', () => {
    expect(scoring.exactEdges(truth, recovery, id => id !== 'ties' && id !== 'a')).toMatchObject({
      precision: { right: 2, of: 3 },
      recall: { right: 2, of: 5 },
    })
  })

  it('lets a copy pass for the parent it is a copy of', () => {
    expect(scoring.edgesUpToCopies(truth, recovery)).toMatchObject({
      precision: { right: 4, of: 6 },
      recall: { right: 4, of: 7 },
    })
  })

  it('finds the turned edge without its direction', () => {
    expect(scoring.undirectedEdges(truth, recovery)).toMatchObject({
      precision: { right: 4, of: 6 },
      recall: { right: 4, of: 7 },
      direction: { right: 3, of: 4 },
    })
  })

  it('takes the relation of the parent of the highest score, and root for none', () => {
    const rows = scoring.byRelation(truth, recovery)
    const row = (relation: string) => rows.find(r => r.relation === relation)
    expect(row('merge_ties')).toMatchObject({ typed: { right: 1, of: 1 }, parents: { right: 0, of: 1 } })
    expect(row('root')).toMatchObject({ typed: { right: 2, of: 3 }, instead: [['finetune', 1]] })
    expect(row('quantized')).toMatchObject({ typed: { right: 0, of: 1 }, instead: [['root', 1]] })
    // root 2/3, finetune 0, copy 1, lora_merged 0, merge_ties 1, laundered 1, quantized 0
    expect(scoring.relationAccuracy(rows)).toEqual({
      accuracy: { right: 5, of: 9 },
      macro: expect.closeTo((2 / 3 + 3) / 7),
    })
    expect(scoring.loraOrFull(rows)).toEqual({ right: 0, of: 2 })
  })

  it('counts pairs of families, those of one initialisation apart', () => {
    // Families: a tuned copy lora ties washed (15 pairs), b quant (1), c.
    expect(scoring.familyPairs(truth, recovery)).toEqual({
      true: { right: 15, of: 16 },
      false: { right: 0, of: 14 },
      sharedInit: { right: 6, of: 6 },
    })
    expect(scoring.familyPairs(truth, recovery, id => id === 'b' || id === 'quant')).toMatchObject({
      true: { right: 0, of: 1 },
    })
  })

  it('tells laundered models that are placed from those whose parent is named', () => {
    expect(scoring.laundered(truth, recovery)).toEqual({
      placed: { right: 1, of: 1 },
      exact: { right: 0, of: 1 },
    })
  })

  it('sorts verdicts by what the declared base is', () => {
    const rows = scoring
      .claims(truth, recovery)
      .map(c => [c.claim, c.of, Object.fromEntries(c.verdicts), c.inFamily])
    expect(rows).toEqual([
      // the base of the merge and quant's base got no verdict
      ['parent', 5, { confirmed: 3, none: 2 }, 4],
      ['ancestor', 1, { relative: 1 }, 1],
      ['false', 1, { refuted: 1 }, 0],
    ])
  })

  it('says why', () => {
    const said = scoring.mistakes(truth, recovery).join('\n')
    expect(said).toContain('root a: called finetune; named tuned (descendant)')
    expect(said).toContain('missed tuned; named copy (same values as a parent)')
    expect(said).toContain('laundered washed: missed tuned; named lora (cousin)')
    expect(said).toContain('true base a: relative')
    expect(said).not.toContain('root b')
  })
})

it('takes a wider cast for the same values, and a narrower one not', () => {
  const { original } = new Truth(
    readHub(
      JSON.stringify([
        model('x', 'root', [], null),
        model('wide', 'cast', ['x'], null, { to: 'fp32' }),
        model('again', 'copy', ['wide'], null),
        model('narrow', 'cast', ['x'], null, { to: 'fp16' }),
      ]),
    ),
  )
  expect(Object.fromEntries(original)).toEqual({ x: 'x', wide: 'x', again: 'x', narrow: 'narrow' })
})

it('joins the families that a merge has joined', () => {
  const joined = new Truth(
    readHub(
      JSON.stringify([
        model('x', 'root', [], null),
        model('y', 'root', [], null),
        model('z', 'finetune', ['y'], null),
        model('m', 'merge_linear', ['x', 'y'], null),
      ]),
    ),
  )
  expect(new Set(joined.family.values()).size).toBe(1)
})

it('refuses what is no truth and no export', () => {
  expect(() => readHub(JSON.stringify([model('x', 'finetune', ['later'], null)]))).toThrow(
    'parent later of x',
  )
  expect(() => readExport('{"id":"a","parents":1}', hub)).toThrow('export, line 1')
  expect(() => readExport(exported([{ id: 'nobody', parents: [] }]), hub)).toThrow('no model nobody')
  const twice = exported([
    { id: 'a', parents: [] },
    { id: 'a', parents: [] },
  ])
  expect(() => readExport(twice, hub)).toThrow('line 2: a is told a second time')
})
