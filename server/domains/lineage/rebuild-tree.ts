import type { LineageParts } from './parts.ts'
import { placeModel } from './place-model.ts'
import { saveTree } from './save-tree.ts'
import { declaredBy, findMembers, type Placed, versionOf } from './store.ts'
import { pageByOrder } from './store-families.ts'
import { TreeView } from './tree-view.ts'

export interface RebuildOptions {
  /** Repositories whose default branch is known. */
  readonly ids: AsyncIterable<string>
  /** Where an earlier run stopped. */
  readonly from?: string | undefined
  /** `at` is where to go on from when this run is stopped now. */
  progress(done: number, at: string): void
}

/**
 * Works out the whole tree again from stored sketches, in order of arrival: the same tree, unless the rules have changed.
 * The hub may run meanwhile; each model has its old place until its turn comes. Returns how many were placed.
 */
export async function rebuildTree(
  parts: LineageParts,
  { ids, from, progress }: RebuildOptions,
): Promise<number> {
  const { sql } = parts.database
  for await (const id of ids) {
    if (!(await findMembers(sql, [id])).has(id)) await placeModel(parts, id)
  }
  let done = 0
  let after: Pick<Placed, 'repo_id' | 'ordered_at'> | undefined =
    from === undefined ? undefined : (await findMembers(sql, [from])).get(from)
  for (;;) {
    const page = await pageByOrder(sql, after && { order: after.ordered_at, id: after.repo_id }, 100)
    if (page.length === 0) return done
    for (const member of page) {
      await placeAgain(parts, member)
      progress(++done, member.repo_id)
    }
    after = page.at(-1)
  }
}

async function placeAgain(parts: LineageParts, { repo_id: id }: Pick<Placed, 'repo_id'>): Promise<void> {
  const release = await parts.turn.take()
  try {
    while (!(await tryAgain(parts, id)));
  } finally {
    release()
  }
}

async function tryAgain(parts: LineageParts, id: string): Promise<boolean> {
  const { sql } = parts.database
  const seen = await versionOf(sql)
  const before = (await findMembers(sql, [id])).get(id)
  if (!before?.sketch_key) return true
  const { code } = await parts.threads.code(before.sketch_key)
  const member = { ...before, code }
  const tree = new TreeView(parts)
  await tree.add(member, (await declaredBy(sql, [id])).get(id) ?? [])
  tree.insert([])
  const placements = new Map([[id, await tree.place(member)]])
  return await parts.database.transaction(async tx => {
    if (!(await saveTree(tx, seen, { placements, members: [member], declared: tree.declared, before })))
      return false
    await parts.emit(tx, 'model-placed', { repoId: id })
    return true
  })
}
