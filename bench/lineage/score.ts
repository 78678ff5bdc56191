import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import * as scoring from './scoring.ts'
import { type Edges, rate, type Share } from './scoring.ts'
import { readExport, readHub, Truth } from './truth.ts'

const usage = `node bench/lineage/score.ts DIR/hub.json EXPORT.ndjson [--errors N]
  EXPORT has one model a line: {"id","parents":[{"id","relation","score"}],"family","declared":[{"id","verdict"}]}`

const number = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(3))
const share = (s: Share) => `${number(rate(s))} (${s.right}/${s.of})`
const edges = (e: Edges) => `P ${share(e.precision)}  R ${share(e.recall)}  F1 ${number(e.f1)}`

function table(rows: ReadonlyArray<readonly string[]>): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row => `  ${row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ')}`.trimEnd()).join('\n')
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { errors: { type: 'string' } },
  })
  const [hubFile, exportFile] = positionals
  if (!hubFile || !exportFile) throw new Error(`usage: ${usage}`)
  const hub = readHub(await readFile(hubFile, 'utf8'))
  const recovery = readExport(await readFile(exportFile, 'utf8'), hub)
  const truth = new Truth(hub)

  const undirected = scoring.undirectedEdges(truth, recovery)
  const rows = scoring.byRelation(truth, recovery)
  const all = scoring.relationAccuracy(rows)
  const derived = scoring.relationAccuracy(rows.filter(row => row.relation !== 'root'))
  const adapters = new Set(hub.filter(m => m.truth.relation === 'adapter').map(m => m.id))
  const pairs = scoring.familyPairs(truth, recovery)
  const bare = scoring.familyPairs(truth, recovery, id => !adapters.has(id))
  const laundered = scoring.laundered(truth, recovery)
  const claims = scoring.claims(truth, recovery)
  const count = (claim: string, verdict: string) => {
    const row = claims.find(c => c.claim === claim)!
    return share({ right: row.verdicts.get(verdict) ?? 0, of: row.of })
  }
  const parents = claims[0]!
  const lies = claims[2]!
  const lines: ReadonlyArray<readonly [string, string]> = [
    ['models', `${hub.length}, ${recovery.size} of them in the export`],
    ['edges', edges(scoring.exactEdges(truth, recovery))],
    ['  without adapters', edges(scoring.exactEdges(truth, recovery, id => !adapters.has(id)))],
    ['  same values will do', edges(scoring.edgesUpToCopies(truth, recovery))],
    ['edges undirected', edges(undirected)],
    ['direction', share(undirected.direction)],
    ['relation, derivatives', `${share(derived.accuracy)}  macro ${number(derived.macro)}`],
    ['relation, with roots', `${share(all.accuracy)}  macro ${number(all.macro)}`],
    ['family pairs', `TPR ${share(pairs.true)}  FPR ${share(pairs.false)}`],
    ['  without adapters', `TPR ${share(bare.true)}  FPR ${share(bare.false)}`],
    ['  one initialisation', `${share(pairs.sharedInit)} said to be one family`],
    [
      'false base',
      `refuted ${count('false', 'refuted')}  not in family ${share({ right: lies.of - lies.inFamily, of: lies.of })}`,
    ],
    [
      'true parent',
      `confirmed ${count('parent', 'confirmed')}  in family ${share({ right: parents.inFamily, of: parents.of })}`,
    ],
    [
      'true ancestor',
      `confirmed ${count('ancestor', 'confirmed')}  relative ${count('ancestor', 'relative')}`,
    ],
    ['laundered', `family placed ${share(laundered.placed)}  exact parent ${share(laundered.exact)}`],
    ['LoRA or full', share(scoring.loraOrFull(rows))],
  ]
  console.log(table(lines))

  const verdicts = [...new Set(claims.flatMap(c => [...c.verdicts.keys()]))].sort()
  const verdictRows = claims.map(c => [c.claim, `${c.of}`, ...verdicts.map(v => `${c.verdicts.get(v) ?? 0}`)])
  console.log(`\n${table([['declared', 'n', ...verdicts], ...verdictRows])}`)

  const relations = rows.map(row => [
    row.relation,
    `${row.typed.of}`,
    `${row.typed.right}`,
    `${row.parents.right}`,
    row.instead.map(([name, times]) => `${name} ${times}`).join(', '),
  ])
  console.log(`\n${table([['relation', 'n', 'typed', 'parents', 'called instead'], ...relations.sort()])}`)

  const mistakes = scoring.mistakes(truth, recovery)
  const shown = mistakes.slice(0, values.errors === undefined ? mistakes.length : Number(values.errors))
  console.log(`\n${mistakes.length} models with an error\n${shown.map(line => `  ${line}`).join('\n')}`)
}

await main()
