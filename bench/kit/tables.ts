import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type KeptResult, RESULTS } from './report.ts'

const PAGE = join(import.meta.dirname, '../../docs/performance.md')

/** What the issue knows of hfd, MatrixHub and KohakuHub, and the figures that stand beside it. */
const peers: readonly { what: string; theirs: string; ours: readonly string[]; remark?: string }[] = [
  {
    what: 'plain GET against nginx, 1 and 8 clients',
    theirs: '0.94x, 1.09x (hfd, plain files), 0.7x (MatrixHub)',
    ours: ['get-random-1-client:ratio', 'get-random-8-clients:ratio'],
    remark: 'every byte hashed on the way',
  },
  {
    what: 'HEAD resolve, small file, model info',
    theirs: '2,405, 1,855, 1,061 /s',
    ours: ['head-resolve', 'small-file', 'model-info'],
  },
  {
    what: 'with 1,000 files: infos, trees',
    theirs: '45, 36 /s',
    ours: ['model-info-1000-files', 'tree-1000-files'],
  },
  {
    what: '1,000 files committed',
    theirs: '4.7 s',
    ours: ['client-up-1000-files', 'client-up-1000-files:reference', 'commit-1000-files'],
    remark: 'by `hf`; the client alone; the API alone',
  },
  {
    what: '1,000 files downloaded',
    theirs: '5.1 s',
    ours: ['client-down-1000-files', 'client-down-1000-files:reference'],
    remark: 'by `hf`; the client alone',
  },
  {
    what: '1 GiB up, down by `hf`',
    theirs: '4.4 s, 4.4 s',
    ours: ['hf-upload', 'hf-download'],
  },
  {
    what: 'a 1 GiB copy with 1 MB changed, stored',
    theirs: '1,024 MiB more',
    ours: ['changed-copy-lfs', 'changed-copy-hf'],
    remark: 'more, by LFS and by `hf`',
  },
  {
    what: 'memory of the server, idle → busy',
    theirs: '19 → 33 MiB (hfd), 156 → 168 (MatrixHub with its database)',
    ours: ['memory-idle', 'memory-peak'],
    remark: 'idle, busy',
  },
]

/** Puts all kept results of these figures into the tables of `docs/performance.md`. */
export async function writeTables(names: readonly string[]): Promise<void> {
  const results = new Map<string, KeptResult>()
  for (const name of names) {
    const text = await readFile(join(RESULTS, `${name}.json`), 'utf8').catch(() => undefined)
    if (text) results.set(name, JSON.parse(text) as KeptResult)
  }
  let page = await readFile(PAGE, 'utf8')
  page = replaceBlock(page, 'measured', measured([...results.values()]))
  page = replaceBlock(page, 'peers', besidePeers(results))
  await writeFile(PAGE, page)
}

/** What stands between `<!-- name -->` and `<!-- /name -->`. */
function replaceBlock(page: string, name: string, block: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [from, to] = [page.indexOf(start), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no ${start} … ${end}`)
  return `${page.slice(0, from + start.length)}\n\n${block}\n\n${page.slice(to)}`
}

function measured(results: readonly KeptResult[]): string {
  const lines = results.map(result => [
    result.name,
    show(result.ours.median, result.unit),
    show(result.referenceMeasured.median, result.unit),
    `${result.ratio}x`,
    result.target.replace('none, only ', '').replaceAll('requests/s', '/s'),
    result.isReached === undefined ? '–' : result.isReached ? 'yes' : 'no',
  ])
  const head = ['figure', 'ours', 'reference', 'ratio', 'target', 'reached']
  return [...placesOf(results), '', ...markdown(head, lines)].join('\n')
}

/** When and on what, a line for each combination. */
function placesOf(results: readonly KeptResult[]): string[] {
  const places = new Map<string, string[]>()
  for (const { date, cpu, cores, node, name } of results) {
    const place = `${date.slice(0, 10)}, ${cpu} (${cores} cores), Node ${node.slice(1)}, Linux, SQLite and the filesystem`
    places.set(place, [...(places.get(place) ?? []), name])
  }
  if (places.size <= 1) return [...places.keys()].map(place => `${place}.`)
  return [...places].sort().map(([place, names]) => `- ${place}: ${names.join(', ')}`)
}

function besidePeers(results: ReadonlyMap<string, KeptResult>): string {
  const lines = peers.map(({ what, theirs, ours, remark }) => {
    const values = ours.map(reading => {
      const [name = '', side] = reading.split(':')
      const result = results.get(name)
      if (!result) return '–'
      if (side === 'ratio') return `${result.ratio}x`
      return show(side === 'reference' ? result.referenceMeasured.median : result.ours.median, result.unit)
    })
    return [what, theirs, `${values.join(', ')}${remark ? ` (${remark})` : ''}`]
  })
  return markdown(['what', 'best of them', 'ours'], lines).join('\n')
}

function show(value: number, unit: string): string {
  if (unit === 's' && value < 1) return show(value * 1000, 'ms')
  const digits = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))
  return `${digits.toLocaleString('en')} ${unit === 'requests/s' ? '/s' : unit}`
}

function markdown(head: readonly string[], lines: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map(line => (line[i] ?? '').length)))
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  return [row(head), row(widths.map(width => '-'.repeat(width))), ...lines.map(row)]
}
