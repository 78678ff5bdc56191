import { z } from 'zod'
import { weightsOfModel } from '../../../contract/weights.ts'
import { text } from '../../http/query.ts'
import { type Route, repoOf, route } from '../../http/route.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import { type Repos, Slots } from '../repos/index.ts'
import { describeModel } from './describe-model.ts'
import { WeightsNotFound } from './errors.ts'
import { listWeightFiles } from './list-weight-files.ts'
import { openBest } from './open-model.ts'
import { repoFiles } from './repo-files.ts'

/** Each may take 64 MiB while it is read. */
const slots = new Slots('reading of weights', 2, 30_000)

export function weightRoutes({ repos }: { repos: Repos }): Route[] {
  return [
    route({
      method: 'GET',
      path: '{api}/weights/*',
      grant: 'repo:read',
      about: {
        summary:
          'What the weights of a model hold: tensors, types, architecture, and what is wrong with them',
        tail: ['revision'],
        answers: { 200: weightsOfModel },
      },
      query: z.object({ file: text }),
      async handle(call) {
        const repo = repoOf(call)
        const commitId = await repos.resolve(repo, decodeURIComponent(call.tail))
        return describeWeights(repos, repo, commitId, call.query.file)
      },
    }),
  ]
}

/** Throws WeightsNotFound, or HubBusy. */
async function describeWeights(repos: Repos, repo: Repository, commitId: string, path: string | undefined) {
  const release = await slots.take()
  try {
    const files = await repoFiles(repos, repo, commitId)
    const sets = listWeightFiles(files)
    const asked = path === undefined ? sets : sets.filter(({ paths }) => paths.includes(path))
    const opened = await openBest(files, asked)
    if (!opened) throw new WeightsNotFound(path ?? repoId(repo))
    const models = sets.slice(0, 1000).map(set => ({
      format: set.format,
      file: set.path,
      files: set.paths.length,
      size: set.size,
    }))
    return { models, file: opened.file, ...describeModel(opened.model) }
  } finally {
    release()
  }
}
