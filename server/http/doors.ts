import type { FastifyRequest } from 'fastify'
import type { Policy } from '../domains/policy/index.ts'
import { NotSignedIn } from '../domains/policy/index.ts'
import type { Actor } from '../kernel/actor.ts'
import type { Clock } from '../kernel/clock.ts'
import { HubError } from '../kernel/errors.ts'
import type { Repository } from '../kernel/repository.ts'
import type { Signer } from '../kernel/signer.ts'
import type { Grant } from './route.ts'
import { checkSignedPath } from './signed-url.ts'

export interface Caller {
  readonly actor: Actor
  readonly repo: Repository | undefined
  readonly request: FastifyRequest
}

/** What stands behind each grant: lets the caller pass, perhaps with proven facts for the handler, or throws the refusal. */
export type Doors = Readonly<Record<Grant, (caller: Caller) => unknown>>

/** A URL that was signed by this hub, and is no longer good, or never was. */
export class SignedUrlRefused extends HubError {
  constructor(reason: 'expired' | 'forged') {
    super(
      reason === 'expired'
        ? 'This link has expired; ask for a new one'
        : 'This link was not signed by this hub',
    )
  }
}

export function createDoors(parts: {
  policy: Policy
  signer: Signer
  clock: Clock
  admitCas(scope: 'read' | 'write', authorization: string | undefined): unknown
}): Doors {
  const repoDoor =
    (action: 'repo:read' | 'repo:discuss' | 'repo:write' | 'repo:settings') =>
    ({ actor, repo, request }: Caller) => {
      if (!repo) throw new Error(`${action} is asked for on a route without a repository: ${request.url}`)
      parts.policy.demand(actor, action, { repo })
    }
  return {
    anyone: () => undefined,
    'signed-in': ({ actor }) => {
      if (actor.kind === 'anonymous') throw new NotSignedIn()
    },
    'account:manage': ({ actor }) => parts.policy.demand(actor, 'account:manage', {}),
    'account:secure': ({ actor }) => parts.policy.demand(actor, 'account:secure', {}),
    'repo:read': repoDoor('repo:read'),
    'repo:discuss': repoDoor('repo:discuss'),
    'repo:write': repoDoor('repo:write'),
    'repo:settings': repoDoor('repo:settings'),
    'cas:read': ({ request }) => parts.admitCas('read', request.headers.authorization),
    'cas:write': ({ request }) => parts.admitCas('write', request.headers.authorization),
    'signed-url': ({ request }) => {
      const verdict = checkSignedPath(parts.signer, request.method, request.raw.url ?? '', parts.clock())
      if (verdict !== 'good') throw new SignedUrlRefused(verdict)
    },
  }
}
