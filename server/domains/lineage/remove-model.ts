import { repoId } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import type { Projection } from '../../ports/queue.ts'
import { regroupFamilies } from './save-tree.ts'
import {
  findMembers,
  isReferred,
  joinStubs,
  leaveStubs,
  type Placed,
  saveDeclared,
  saveEdges,
  takeVersion,
  updateMember,
} from './store.ts'
import { countFamilies } from './store-families.ts'

/** What becomes of repositories is true of the tree at once. */
export const projections: readonly Projection[] = [
  {
    on: 'repo-saved',
    async apply(tx, { repo, isNew, movedFrom }) {
      if (repo.type !== 'model') return
      if (isNew || movedFrom) await joinStubs(tx, repoId(repo).toLowerCase(), repo.id)
      const member = isNew ? undefined : (await findMembers(tx, [repo.id])).get(repo.id)
      const isPrivate = repo.isPrivate ? 1 : 0
      if (!member || member.is_private === isPrivate) return
      await updateMember(tx, repo.id, { is_private: isPrivate })
      if (member.family_id !== null) await countFamilies(tx, [member.family_id])
    },
  },
  {
    on: 'repo-deleted',
    async apply(tx, { repoId: id, repo }) {
      if (repo.type !== 'model') return
      await saveDeclared(tx, id, [])
      const member = (await findMembers(tx, [id])).get(id)
      if (member?.sketch_key) {
        await takeVersion(tx)
        await removeMember(tx, member, repoId(repo))
      }
      if (!(await isStub(tx, id))) await leaveStubs(tx, id)
    },
  },
] satisfies [Projection<'repo-saved'>, Projection<'repo-deleted'>] as never

async function isStub(tx: Sql, id: string): Promise<boolean> {
  return (await findMembers(tx, [id])).get(id)?.is_gone === 1
}

/**
 * Takes a member out of the tree, after the version was taken. One that others stand on keeps its place and its sketch, so
 * that they keep theirs: under `name` when its repository is gone.
 */
export async function removeMember(tx: Sql, member: Placed, name: string | undefined): Promise<void> {
  const { repo_id: id, family_id: family } = member
  if (await isReferred(tx, id)) {
    if (name === undefined) return
    await updateMember(tx, id, { is_gone: 1, name })
    if (family !== null) await countFamilies(tx, [family])
    return
  }
  await saveEdges(tx, id, [], [])
  const version = (await takeVersion(tx)) as number
  await updateMember(tx, id, { sketch_key: null, family_id: null, code: null, generation: 0, version })
  if (family !== null) await regroupFamilies(tx, [family])
}
