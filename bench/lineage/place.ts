/**
 * Places every model of a generated hub (`generate/`) without a server: sketches each, asks for its place among those before it, and prints
 * what the hub itself would export (`GET /api/lineage/export`), for `score.py`.
 *
 *     node bench/lineage/place.ts FOLDER [--no-order] > export.ndjson
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inferOrder } from '../../server/domains/lineage/infer-order.ts'
import type { Member, Placement } from '../../server/domains/lineage/member.ts'
import { place } from '../../server/domains/lineage/place.ts'
import type { Edge } from '../../server/domains/lineage/relations.ts'
import { decodeSketch, encodeSketch, makeSketch, type Sketch } from '../../server/domains/sketches/index.ts'
import { type ModelFiles, openModel } from '../../server/domains/weights/index.ts'

export interface Listed {
  readonly id: string
  readonly files_dir: string
  readonly truth: { readonly parents: readonly string[]; readonly relation: string }
  readonly declared: { readonly base_model: string | readonly string[] | null }
}

export async function readHub(folder: string): Promise<Listed[]> {
  const hub = JSON.parse(await readFile(join(folder, 'hub.json'), 'utf8'))
  return Array.isArray(hub) ? hub : hub.models
}

/** Kept beside the model, so that a changed rule is tried without reading weights again. */
export async function sketchOf(folder: string, model: Listed): Promise<Sketch | undefined> {
  const root = join(folder, model.files_dir)
  const kept = `${root}.sketch`
  if (existsSync(kept)) return decodeSketch(await readFile(kept))
  const opened = await openModel(await filesOf(root))
  if (!opened || opened.tensors.length === 0) return undefined
  for (const { file, message } of opened.findings) console.error(`${model.id}: ${file}: ${message}`)
  const sketch = await makeSketch(opened)
  await writeFile(kept, encodeSketch(sketch))
  return sketch
}

async function filesOf(root: string): Promise<ModelFiles> {
  const files: { path: string; size: number }[] = []
  for (const path of await readdir(root, { recursive: true })) {
    const { size, isFile } = await stat(join(root, path)).then(s => ({ size: s.size, isFile: s.isFile() }))
    if (isFile) files.push({ path, size })
  }
  return {
    list: () => files,
    async open(path) {
      const { size } = await stat(join(root, path))
      return {
        size,
        async read(start, end) {
          await using file = await open(join(root, path))
          const bytes = new Uint8Array(end - start)
          await file.read(bytes, 0, bytes.length, start)
          return bytes
        },
      }
    },
  }
}

async function main(folder: string, withoutOrder: boolean) {
  const members: Member[] = []
  const edges = new Map<string, readonly Edge[]>()
  const placements = new Map<string, Placement>()
  const times: number[] = []
  const models = await readHub(folder)
  let all: Member[] = []
  for (const model of models) {
    const sketch = await sketchOf(folder, model)
    if (sketch) all.push({ id: model.id, sketch, declared: declaredOf(model) })
    else console.error(`${model.id}: no weights that can be read`)
  }
  if (withoutOrder) {
    // Whatever order is left in the list must not help.
    all.sort((a, b) => hash(a.id).localeCompare(hash(b.id)))
    all = inferOrder(all)
  }
  for (const member of all) {
    const began = performance.now()
    const placement = place(member, { candidates: members, edgesOf: id => edges.get(id) ?? [] })
    times.push(performance.now() - began)
    edges.set(member.id, placement.edges)
    placements.set(member.id, placement)
    members.push(member)
  }
  const family = familiesOf(models, placements)
  for (const model of models) {
    const placement = placements.get(model.id)
    const parents =
      placement?.edges.map(({ parent, relation, score }) => ({ id: parent, relation, score })) ?? []
    const declared = declaredOf(model).map(id => ({
      id,
      verdict: placement?.judgements.get(id)?.verdict ?? 'unverifiable',
    }))
    console.log(JSON.stringify({ id: model.id, parents, family: family(model.id), declared }))
  }
  times.sort((a, b) => a - b)
  console.error(
    `placing: median ${times[times.length >> 1]?.toFixed(1)} ms, longest ${times.at(-1)?.toFixed(1)} ms`,
  )
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

export function declaredOf({ declared }: Listed): string[] {
  return [declared.base_model ?? []].flat()
}

function familiesOf(models: readonly Listed[], placements: ReadonlyMap<string, Placement>) {
  const above = new Map<string, string>()
  const find = (id: string): string => {
    const up = above.get(id)
    return up === undefined ? id : find(up)
  }
  for (const { id } of models) {
    const placement = placements.get(id)
    for (const other of [
      ...(placement?.related ?? []),
      ...(placement?.edges.map(({ parent }) => parent) ?? []),
    ]) {
      const [a, b] = [find(id), find(other)]
      if (a !== b) above.set(a, b)
    }
  }
  return find
}

if (process.argv[1] === import.meta.filename)
  await main(process.argv[2] as string, process.argv.includes('--no-order'))
