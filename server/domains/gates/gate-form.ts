import { parseFrontMatter } from '../../formats/front-matter.ts'
import { type GateForm, readGateForm } from '../../formats/gate-form.ts'
import { defaultBranch, type Repository } from '../../kernel/repository.ts'
import { RevisionNotFound } from '../repos/index.ts'
import type { GateParts } from './parts.ts'

const cardLimit = 1024 * 1024

/** What the card on the default branch asks; nothing when there is no card. */
export async function gateFormOf({ repos }: Pick<GateParts, 'repos'>, repo: Repository): Promise<GateForm> {
  try {
    const commitId = await repos.resolve(repo, `refs/heads/${defaultBranch}`)
    const card = await repos.readFile(repo, commitId, 'README.md', cardLimit)
    return readGateForm(parseFrontMatter(Buffer.from(card ?? []).toString('utf8')).data)
  } catch (error) {
    if (error instanceof RevisionNotFound) return { fields: [] }
    throw error
  }
}
