import { type Repository, repoId } from '../../kernel/repository.ts'
import type { JobHandler } from '../../ports/queue.ts'
import type { FileClaim } from '../sketches/index.ts'
import { decodeCode } from './candidate-code.ts'
import { type DeclaredBase, declaredBases } from './declared-bases.ts'
import { familyIdOf, isBefore } from './families.ts'
import type { LineageParts } from './parts.ts'
import { removeMember } from './remove-model.ts'
import { type Change, saveTree } from './save-tree.ts'
import { type DeclaredRow, declaredBy, findMembers, type MemberRow, type Placed, versionOf } from './store.ts'
import { TreeView } from './tree-view.ts'

/** Finds out where a model came from when its weights or its card have changed. */
export function placeModelJob(parts: LineageParts): JobHandler<'model-sketched'> {
  return {
    name: 'lineage.place-model',
    on: 'model-sketched',
    key: ({ repoId }) => repoId,
    run: ({ repoId }) => placeModel(parts, repoId),
  }
}

/** Jobs of this process wait for each other; those of other processes are noticed by the version of the tree. */
export async function placeModel(parts: LineageParts, id: string): Promise<void> {
  const release = await parts.turn.take()
  try {
    while (!(await tryPlacing(parts, id)));
  } finally {
    release()
  }
}

/** False when the tree was changed meanwhile, so that the answer may be another one. */
async function tryPlacing(parts: LineageParts, id: string): Promise<boolean> {
  const { sql } = parts.database
  const seen = await versionOf(sql)
  const head = await parts.sketches.headOf(id)
  const [repo] = await parts.repos.byId([id])
  // Deleted, or moved on: then another job comes.
  if (!head || !repo || head.status === 'waiting' || head.commit_id === null) return true
  const found = head.sketch_key === null ? undefined : await parts.sketches.find(head.sketch_key)
  const declared = await resolveDeclared(
    parts,
    repo,
    await readDeclared(parts, repo, head.commit_id, found?.claims),
  )
  const before = (await findMembers(sql, [id])).get(id)
  if (head.sketch_key === null) {
    return await parts.database.transaction(async tx => {
      if (!(await saveTree(tx, seen, { declared: new Map([[id, declared]]) }))) return false
      if (before?.sketch_key) await removeMember(tx, before, undefined)
      await parts.emit(tx, 'model-placed', { repoId: id })
      return true
    })
  }
  const change = await workOut(parts, {
    ...{ repo, before, declared },
    ...{ key: head.sketch_key, commitId: head.commit_id, arrivedAt: head.arrived_at ?? repo.createdAt },
  })
  return await parts.database.transaction(async tx => {
    if (!(await saveTree(tx, seen, change))) return false
    for (const placed of change.placements!.keys()) await parts.emit(tx, 'model-placed', { repoId: placed })
    return true
  })
}

const cardLimit = 1024 * 1024
const recipes = ['mergekit_config.yml', 'mergekit_config.yaml', 'mergekit_moe_config.yml']

async function readDeclared(
  { repos }: LineageParts,
  repo: Repository,
  commitId: string,
  claims: string | undefined,
): Promise<DeclaredBase[]> {
  const paths = new Set((await repos.files(repo, commitId)).map(({ path }) => path))
  const read = async (path: string | undefined) => {
    const bytes =
      path !== undefined && paths.has(path) && (await repos.readFile(repo, commitId, path, cardLimit))
    return bytes ? Buffer.from(bytes).toString('utf8') : undefined
  }
  return declaredBases({
    ...{ id: repoId(repo), paths },
    card: await read('README.md'),
    recipe: await read(recipes.find(path => paths.has(path))),
    claims: claims === undefined ? [] : (JSON.parse(claims) as FileClaim[]),
  })
}

/** A base that was found once is followed, wherever it is moved to. */
async function resolveDeclared(
  { database, repos }: LineageParts,
  repo: Repository,
  bases: readonly DeclaredBase[],
): Promise<DeclaredRow[]> {
  const before = (await declaredBy(database.sql, [repo.id])).get(repo.id) ?? []
  const rows: DeclaredRow[] = []
  for (const [position, { name, relation, sources }] of bases.entries()) {
    const key = name.toLowerCase()
    const known = before.find(row => row.name_key === key)
    const [namespace = '', own] = name.split('/')
    const base =
      known?.base_id || own === undefined
        ? undefined
        : await repos.locate('model', namespace, own).catch(() => undefined)
    rows.push({
      ...{ repo_id: repo.id, position, name, name_key: key, relation, sources: JSON.stringify(sources) },
      base_id: known?.base_id ?? base?.id ?? null,
      ...{ verdict: 'unverifiable', reason: 'no-weights', nearest_id: null, evidence: null },
    })
  }
  return rows
}

interface Arrived {
  readonly repo: Repository
  readonly before: Placed | undefined
  readonly declared: readonly DeclaredRow[]
  readonly key: string
  readonly commitId: string
  readonly arrivedAt: number
}

/** What becomes of the tree: the model itself, and those that came after it and may have descended from it. */
async function workOut(parts: LineageParts, arrived: Arrived): Promise<Change> {
  const { repo, before, key } = arrived
  const tree = new TreeView(parts)
  const { code, gram } = await parts.threads.code(key)
  const member: MemberRow = {
    ...{ repo_id: repo.id, sketch_key: key, commit_id: arrived.commitId, ordered_at: arrived.arrivedAt },
    ...{ family_id: before?.family_id ?? null, own_family: familyIdOf(repo.id), generation: 0 },
    ...{ is_private: repo.isPrivate ? 1 : 0, is_gone: 0, name: null, code, version: 0 },
  }
  const isSame = before?.sketch_key === key
  const hits = isSame
    ? []
    : (await parts.index.find({ code: decodeCode(code), gram })).filter(id => id !== repo.id)
  await tree.add(member, arrived.declared)
  await tree.load(hits)
  if (isSame || (before?.sketch_key && (await tree.areRelated(member, before))))
    member.ordered_at = before.ordered_at
  const moved = await orderByDeclarations(tree, member)

  const placements = new Map([[repo.id, await tree.place(member)]])
  if (isSame && moved.length === 0) return { placements, members: [member], declared: tree.declared, before }
  const later = await laterRelatives(tree, member, before, hits, moved)
  if (later.length > 0) tree.insert(moved)
  for (const other of later) placements.set(other.repo_id, await tree.place(other))
  return { placements, members: [member, ...moved], declared: tree.declared, before }
}

/** A base that came after models that call it so, and are its relatives, stands before them. Changes rows; returns which others. */
async function orderByDeclarations(tree: TreeView, member: MemberRow): Promise<Placed[]> {
  const moved: Placed[] = []
  for (const child of await tree.declarersOf(member.repo_id)) {
    if (isBefore(child, member) && (await tree.areRelated(child, member)))
      member.ordered_at = child.ordered_at - 1
  }
  for (const base of await tree.basesOf(member.repo_id)) {
    if (!isBefore(member, base) || !(await tree.areRelated(member, base))) continue
    base.ordered_at = member.ordered_at - 1
    moved.push(base)
  }
  return moved
}

/** In order of their arrival: those of its families that came later, and whoever calls it a base. */
async function laterRelatives(
  tree: TreeView,
  member: MemberRow,
  before: Placed | undefined,
  hits: readonly string[],
  moved: readonly Placed[],
): Promise<Placed[]> {
  const first = [member, ...moved, ...(before ? [before] : [])].reduce((a, b) => (isBefore(a, b) ? a : b))
  const related = await tree.relatedTo(
    member,
    hits.map(id => tree.member(id)).filter(other => other && isBefore(first, other)) as Placed[],
  )
  const families = [before, ...moved, ...related].flatMap(kin => kin?.family_id ?? [])
  const later = (await tree.loadFamilies(families)).filter(
    kin => kin.repo_id !== member.repo_id && isBefore(first, kin),
  )
  const all = new Map(
    [...later, ...moved, ...(await tree.declarersOf(member.repo_id))].map(kin => [kin.repo_id, kin]),
  )
  all.delete(member.repo_id)
  return [...all.values()].sort((a, b) => (isBefore(a, b) ? -1 : 1))
}
