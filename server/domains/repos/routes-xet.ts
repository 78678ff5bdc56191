import { z } from 'zod'
import { xetToken } from '../../../contract/repos.ts'
import { flag } from '../../http/query.ts'
import { type Call, type Route, repoOf, route } from '../../http/route.ts'
import { demandCommit } from './demand-commit.ts'
import type { RepoParts } from './parts.ts'
import { delegate, uploadHolder } from './uploads.ts'

/**
 * hub-protocol section 7: short-lived keys to the CAS, for one repository. The revision is not looked at: a new branch
 * may not exist yet. Python reads the headers (`utils/_xet.py`), hf_xet and @huggingface/hub the body.
 */
export function xetRoutes(parts: RepoParts): Route[] {
  const token = (scope: 'read' | 'write') =>
    route({
      method: 'GET',
      path: `{api}/xet-${scope}-token/*`,
      // Committing to a branch asks for more, below.
      grant: scope === 'read' ? 'repo:read' : 'repo:contribute',
      about: {
        summary: `A short-lived token to ${scope} files of this repository in the CAS`,
        tail: ['revision'],
        answers: { 200: xetToken },
      },
      query: z.object({ create_pr: flag }),
      async handle(call) {
        if (scope === 'write') {
          const revision = decodeURIComponent(call.tail)
          const opensPullRequest = call.query.create_pr ?? false
          await demandCommit(parts, call.actor, repoOf(call), { revision, opensPullRequest })
        }
        const issued = issueXetToken(parts, call, scope)
        call.reply.headers(xetHeaders(issued)).header('cache-control', 'no-store')
        return issued
      },
    })
  return [token('read'), token('write')]
}

export interface XetToken {
  readonly accessToken: string
  /** Unix seconds. */
  readonly exp: number
  readonly casUrl: string
}

export function issueXetToken(
  parts: Pick<RepoParts, 'blobs' | 'policy'>,
  call: Pick<Call, 'actor' | 'repo' | 'origin' | 'request'>,
  scope: 'read' | 'write',
): XetToken {
  const { actor } = call
  // The CAS token does not carry the scopes of a fine-grained one: it then reaches public content and this repository.
  const isWhole =
    actor.kind === 'user' && (actor.credential.kind !== 'token' || actor.credential.role !== 'fine-grained')
  const subject = isWhole ? actor.id : undefined
  const repo = repoOf(call)
  const holder = scope === 'read' ? repo.id : uploadHolder(parts, actor, repo)
  const { accessToken, exp, casUrl } = parts.blobs.issueToken({
    ...delegate(actor, repo, holder),
    scope,
    subject,
  })
  return { accessToken, exp, casUrl: `${call.origin}${casUrl}` }
}

export function xetHeaders(token: XetToken): Record<string, string> {
  return {
    'x-xet-cas-url': token.casUrl,
    'x-xet-access-token': token.accessToken,
    'x-xet-token-expiration': String(token.exp),
  }
}
