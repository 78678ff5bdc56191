import { createHash } from 'node:crypto'
import { basename, dirname } from 'node:path/posix'
import type { Repository } from '../../kernel/repository.ts'
import type { OpenFile, Repos } from '../repos/index.ts'
import { listWeightFiles, type ModelFiles } from '../weights/index.ts'
import { sketchVersion } from './sketch.ts'

/** The files that a sketch is made of, and the key that they make together. */
export interface ModelContent extends ModelFiles {
  /** The same for the same bytes, in whichever repository. */
  readonly key: string
  /** Sha256s of weights that are kept as LFS objects. */
  readonly sha256s: readonly string[]
}

/** Beside weights, in their folder or the root: what tells their shapes, their vocabulary, or holds a part of them. */
const companions =
  /^(?:(?:config|adapter_config|quantize_config|quant_config|tokenizer|vocab|added_tokens)\.json|vocab\.txt|merges\.txt|(?:tokenizer|spiece|sentencepiece(?:\.bpe)?)\.model|.+\.index\.json|.+[._]data)$/
const filesLimit = 2000

/** Undefined when the commit has no weights, or some of their bytes are not here, as after a push that skipped them. */
export async function modelContent(
  repos: Pick<Repos, 'files' | 'describe' | 'open'>,
  repo: Repository,
  commitId: string,
): Promise<ModelContent | undefined> {
  const entries = (await repos.files(repo, commitId)).filter(({ type }) => type === 'file')
  // Sizes decide which of several models is the best one.
  const candidates = listWeightFiles({ list: () => entries.map(({ path }) => ({ path, size: 0 })) })
  if (candidates.length === 0) return undefined
  const weighty = new Set(candidates.flatMap(({ paths }) => paths))
  const wanted = entries
    .filter(({ path }) => weighty.has(path) || companions.test(basename(path)))
    .slice(0, filesLimit)
  const described = await repos.describe(repo, commitId, wanted)
  const [best] = listWeightFiles({ list: () => described.filter(({ path }) => weighty.has(path)) })
  if (!best) return undefined
  const parts = new Set(best.paths)
  const folders = new Set(['.', dirname(best.path)])
  const files = described.filter(
    ({ path }) => parts.has(path) || (!weighty.has(path) && folders.has(dirname(path))),
  )
  const opened = new Map<string, OpenFile>()
  for (const { path } of files) {
    const file = await repos.open(repo, commitId, path)
    if (!file) return undefined
    opened.set(path, file)
  }
  const lines = [...opened].map(([path, { contentId }]) =>
    parts.has(path) ? `weights ${contentId}` : `${basename(path)} ${contentId}`,
  )
  const hash = createHash('sha256').update(`sketch ${sketchVersion} ${best.format}\n`)
  return {
    key: hash.update(lines.sort().join('\n')).digest('hex'),
    sha256s: files.flatMap(file =>
      file.type === 'file' && file.lfs && parts.has(file.path) ? [file.lfs.oid] : [],
    ),
    list: () => [...opened].map(([path, { size }]) => ({ path, size })),
    open: async path => opened.get(path) as OpenFile,
  }
}
