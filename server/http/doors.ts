import type { FastifyRequest } from 'fastify'
import type { Admission, Policy } from '../domains/policy/index.ts'
import { NotSignedIn } from '../domains/policy/index.ts'
import type { Actor, User } from '../kernel/actor.ts'
import type { Clock } from '../kernel/clock.ts'
import type { DelegatedScope, DelegationCheck } from '../kernel/delegation.ts'
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

const linkFaults = {
  expired: 'This link has expired; ask for a new one',
  forged: 'This link was not signed by this hub',
  ended: 'This link has ended with what it was given for; ask for a new one',
}

/** A URL that was signed by this hub, and is no longer good, or never was. */
export class SignedUrlRefused extends HubError {
  constructor(reason: keyof typeof linkFaults) {
    super(linkFaults[reason])
  }
}

export function createDoors(parts: {
  policy: Policy
  signer: Signer
  clock: Clock
  admitCas(scope: DelegatedScope, authorization: string | undefined): unknown
  readonly stillHolds: DelegationCheck
  /** What the gate of a repository says of a user. */
  admissionOf(user: User, repo: Repository): Admission | Promise<Admission>
}): Doors {
  const repoDoor =
    (action: 'repo:view' | 'repo:engage' | 'repo:discuss' | 'repo:write' | 'repo:settings') =>
    (caller: Caller) =>
      parts.policy.demand(caller.actor, action, { repo: repoOf(caller) })
  const ownDoor =
    (action: 'account:read' | 'account:write' | 'account:manage' | 'account:secure') =>
    ({ actor }: Caller) => {
      if (actor.kind === 'anonymous') throw new NotSignedIn()
      parts.policy.demand(actor, action, { account: actor })
    }
  const atGate = async (actor: Actor, repo: Repository) => {
    const admission = actor.kind === 'user' ? await parts.admissionOf(actor, repo) : undefined
    parts.policy.demand(actor, 'repo:read', { repo, admission })
  }
  const readDoor = ({ actor, repo, request }: Caller) => {
    const asked = repoOf({ actor, repo, request })
    return asked.gated ? atGate(actor, asked) : parts.policy.demand(actor, 'repo:read', { repo: asked })
  }
  return {
    anyone: () => undefined,
    'signed-in': ({ actor }) => {
      if (actor.kind === 'anonymous') throw new NotSignedIn()
    },
    'own:read': ownDoor('account:read'),
    'own:write': ownDoor('account:write'),
    'own:manage': ownDoor('account:manage'),
    'own:secure': ownDoor('account:secure'),
    'repo:view': repoDoor('repo:view'),
    'repo:engage': repoDoor('repo:engage'),
    'repo:discuss': repoDoor('repo:discuss'),
    'repo:read': readDoor,
    // Who brings files past a gate is one who may read what is behind it.
    'repo:contribute': caller => {
      parts.policy.demand(caller.actor, 'repo:discuss', { repo: repoOf(caller) })
      return readDoor(caller)
    },
    'repo:write': repoDoor('repo:write'),
    'repo:settings': repoDoor('repo:settings'),
    'cas:read': ({ request }) => parts.admitCas('read', request.headers.authorization),
    'cas:write': ({ request }) => parts.admitCas('write', request.headers.authorization),
    'signed-url': async ({ request }) => {
      const delegation = checkSignedPath(parts.signer, request.method, request.raw.url ?? '', parts.clock())
      if (typeof delegation === 'string') throw new SignedUrlRefused(delegation)
      const scope = request.method === 'GET' || request.method === 'HEAD' ? 'read' : 'write'
      if (!(await parts.stillHolds(delegation, scope))) throw new SignedUrlRefused('ended')
      return delegation
    },
  }
}

function repoOf({ repo, request }: Caller): Repository {
  if (!repo) throw new Error(`a repository is asked about on a route without one: ${request.url}`)
  return repo
}
