import { defaultBranch, type Repository } from '../../kernel/repository.ts'
import type { JobHandler, Projection } from '../../ports/queue.ts'
import { RevisionNotFound } from '../repos/index.ts'
import { type ModelContent, modelContent } from './content-key.ts'
import { type SketchParts, sketchObject } from './parts.ts'
import { findHead, findSketch, type HeadRow, markMoved, removeHead, saveHead, saveSketch } from './store.ts'

const head = `refs/heads/${defaultBranch}`

/** That something is to be found out is known at once, and when it came. */
export function headProjections({ clock }: Pick<SketchParts, 'clock'>): readonly Projection[] {
  return [
    {
      on: 'ref-moved',
      apply: async (tx, { repoId, ref, after }) => {
        if (ref === head && after !== undefined) await markMoved(tx, repoId, clock())
      },
    },
    { on: 'repo-deleted', apply: (tx, { repoId }) => removeHead(tx, repoId) },
  ] satisfies [Projection<'ref-moved'>, Projection<'repo-deleted'>] as never
}

/** Sketches what the default branch has, once for each distinct content, and tells that it is known. */
export function readHeadJob(parts: SketchParts): JobHandler<'ref-moved'> {
  return {
    name: 'sketches.read-head',
    on: 'ref-moved',
    key: ({ repoId }) => repoId,
    run: ({ repoId }) => readHead(parts, repoId),
  }
}

async function readHead(parts: SketchParts, repoId: string): Promise<void> {
  const { database, repos, emit } = parts
  const before = await findHead(database.sql, repoId)
  if (before?.status !== 'waiting') return
  const [repo] = await repos.byId([repoId])
  if (repo?.type !== 'model') {
    await database.transaction(tx => removeHead(tx, repoId))
    return
  }
  let read: ReadHead
  try {
    const commitId = await repos.resolve(repo, head)
    read = { commitId, ...(await readCommit(parts, repo, commitId)) }
  } catch (error) {
    // Deleted since we looked.
    if (error instanceof RevisionNotFound) return
    throw error
  }
  const now = parts.clock()
  const arrivedAt = read.content && (await arrivalOf(parts, before, read.content))
  await database.transaction(async tx => {
    const { content, made } = read
    const isSaved = await saveHead(tx, repoId, before.moved_at, {
      status: read.status,
      commit_id: read.commitId,
      sketch_key: read.status === 'done' ? content!.key : null,
      arrived_at: arrivedAt ?? null,
      findings: made && read.status === 'unreadable' ? made.findings : null,
    })
    if (!isSaved) return
    if (read.status === 'done') await saveSketch(tx, { ...made!, key: content!.key, created_at: now })
    await emit(tx, 'model-sketched', { repoId })
  })
}

/** Of a model that came before there were sketches, or whose job has not run. */
export async function readMissing(parts: SketchParts, repoId: string): Promise<void> {
  const { database, clock } = parts
  if (!(await findHead(database.sql, repoId)))
    await database.transaction(tx => markMoved(tx, repoId, clock()))
  await readHead(parts, repoId)
}

interface ReadHead {
  readonly commitId: string
  readonly status: 'done' | 'no-weights' | 'unreadable'
  readonly content?: ModelContent
  readonly made?: Summary
}

interface Summary {
  readonly format: string
  readonly parameters: number
  readonly tokenizer_hash: string | null
  readonly findings: string
  readonly claims: string
  readonly bytes: number
}

async function readCommit(
  { database, repos, objects, threads }: SketchParts,
  repo: Repository,
  commitId: string,
): Promise<Omit<ReadHead, 'commitId'>> {
  const content = await modelContent(repos, repo, commitId)
  if (!content) return { status: 'no-weights' }
  const known = await findSketch(database.sql, content.key)
  if (known && (await objects.size(sketchObject(content.key))) === known.bytes)
    return { status: 'done', content, made: known }
  const read = await threads.read(content)
  if (!read) return { status: 'no-weights' }
  const { sketch, format, parameters, tokenizerHash, findings, claims } = read
  const made = {
    ...{ format, parameters, tokenizer_hash: tokenizerHash ?? null },
    ...{ findings: JSON.stringify(findings), claims: JSON.stringify(claims), bytes: sketch?.length ?? 0 },
  }
  if (!sketch) return { status: 'unreadable', content, made }
  await objects.put(sketchObject(content.key), sketch)
  return { status: 'done', content, made }
}

/**
 * Since when a repository has these weights: since the first commit with all of their files; of weights in git itself,
 * since the branch moved to where they were first seen.
 */
async function arrivalOf({ blobs }: SketchParts, before: HeadRow, content: ModelContent): Promise<number> {
  const times = await blobs.committedAt(before.repo_id, content.sha256s)
  if (times.size > 0) return Math.max(...times.values())
  if (before.sketch_key === content.key && before.arrived_at !== null) return before.arrived_at
  return before.moved_at
}
