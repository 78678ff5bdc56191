import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { type Accounts, accountMigrations, createAccounts } from './domains/accounts/index.ts'
import { type Blobs, blobMigrations, createBlobs } from './domains/blobs/index.ts'
import { catalogMigrations, createCatalog } from './domains/catalog/index.ts'
import { communityMigrations, createCommunity } from './domains/community/index.ts'
import { createDiscussions, type Discussions, discussionMigrations } from './domains/discussions/index.ts'
import { createGates, gateMigrations } from './domains/gates/index.ts'
import { createLineage, type Lineage, lineageMigrations } from './domains/lineage/index.ts'
import { policy } from './domains/policy/index.ts'
import { createRepos, type Repos, repoMigrations } from './domains/repos/index.ts'
import { createSketches, type Sketches, sketchMigrations } from './domains/sketches/index.ts'
import { createWebhooks, webhookMigrations } from './domains/webhooks/index.ts'
import { createWeights } from './domains/weights/index.ts'
import { createApp } from './http/app.ts'
import { createDelegationCheck } from './http/delegations.ts'
import { createDoors } from './http/doors.ts'
import { createMetrics } from './http/metrics.ts'
import { describeApi, type OpenApi } from './http/openapi.ts'
import { RateLimits } from './http/rate-limits.ts'
import type { Route } from './http/route.ts'
import { systemRoutes } from './http/routes-system.ts'
import { instanceMigrations, instanceSecret } from './instance.ts'
import { systemClock } from './kernel/clock.ts'
import { RepoNotFound } from './kernel/errors.ts'
import type { Repository } from './kernel/repository.ts'
import { Signer } from './kernel/signer.ts'
import type { Database } from './ports/database.ts'
import type { ObjectStore } from './ports/objects.ts'
import type { Emit, JobHandler, Projection, Queue } from './ports/queue.ts'
import { version } from './version.ts'

export interface Drivers {
  readonly database: Database
  readonly objects: ObjectStore
  readonly queue: Queue
}

export interface Hub {
  readonly accounts: Accounts
  readonly repos: Repos
  readonly blobs: Blobs
  readonly discussions: Discussions
  readonly sketches: Sketches
  readonly lineage: Lineage
  readonly routes: readonly Route[]
  readonly jobs: readonly JobHandler[]
  createApp(): ReturnType<typeof createApp>
}

/** The one migration list of both databases; keys order it. A migration that has been released is never changed. */
export const migrations = {
  ...instanceMigrations,
  ...accountMigrations,
  ...blobMigrations,
  ...repoMigrations,
  ...catalogMigrations,
  ...discussionMigrations,
  ...webhookMigrations,
  ...gateMigrations,
  ...communityMigrations,
  ...sketchMigrations,
  ...lineageMigrations,
}

/** Joins the domains. The only file that knows all of them. */
export async function compose(config: Config, drivers: Drivers, log: Logger): Promise<Hub> {
  const clock = systemClock
  const signer = new Signer(await instanceSecret(drivers.database))
  const consequences: Consequences = { projections: [], jobs: [] }
  const emit = emitTo(drivers.queue, consequences)
  const base = { ...drivers, clock, signer, emit, policy }

  const accounts = createAccounts({
    ...base,
    signUp: config.signUp,
    repos: {
      find: async (actor, type, namespace, name) => {
        const repo = await repos.find(type, namespace, name).catch(error => {
          if (!(error instanceof RepoNotFound)) throw error
        })
        return repo && policy.can(actor, 'repo:view', { repo }).allowed ? repo : undefined
      },
      byId: async (actor, ids) =>
        (await repos.byId(ids)).filter(repo => policy.can(actor, 'repo:view', { repo }).allowed),
    },
  })
  const stillHolds = createDelegationCheck({
    policy,
    bearerOf: accounts.bearerOf,
    repoById: id => repos.current(id),
    readerHolder: (...asked) => repos.readerHolder(...asked),
    admissionOf: (...asked) => gates.admission(...asked),
  })
  const blobs = createBlobs({
    ...base,
    stillHolds,
    // Whose content a user may learn of: the blobs' holders are repositories.
    reachable: async (subject, holders) => {
      const actor = await accounts.actorOf(subject)
      const found = await repos.byId(holders)
      const accepted = await gates.acceptedBy(actor, found)
      const canRead = (repo: Repository) => {
        const admission = accepted.has(repo.id) ? 'accepted' : 'none'
        return policy.can(actor, 'repo:read', { repo, admission }).allowed
      }
      return new Set(found.filter(canRead).map(repo => repo.id))
    },
  })
  const repos = createRepos({
    ...base,
    accounts,
    blobs,
    cacheFolder: join(config.data, 'cache', 'git'),
    cacheBytes: config.gitCache,
    pullRequests: {
      admit: (...asked) => discussions.pullRequests.admit(...asked),
      open: (...asked) => discussions.pullRequests.open(...asked),
      committed: (...told) => discussions.pullRequests.committed(...told),
    },
    configureDiscussions: (...asked) => discussions.configure(...asked),
  })
  const gates = createGates({ ...base, accounts, repos })
  const discussions = createDiscussions({
    ...base,
    accounts,
    repos,
    async mayReadFiles(actor, repo) {
      const admission = actor.kind === 'user' ? await gates.admission(actor, repo) : undefined
      return policy.can(actor, 'repo:read', { repo, admission }).allowed
    },
  })
  const webhooks = createWebhooks({
    ...base,
    accounts,
    repos,
    publicUrl: config.publicUrl ?? `http://${config.host}:${config.port}`,
    targets: config.webhookTargets,
    discussionOf: discussions.summarize,
  })
  const weights = createWeights({ repos })
  const sketches = createSketches({ ...base, blobs, repos })
  const lineage = createLineage({
    ...base,
    repos,
    sketches,
    reports:
      config.lineageReports === 'off'
        ? undefined
        : { open: discussions.openByHub, closeOthers: discussions.closeByHub },
  })
  const catalog = createCatalog({ ...base, repos })
  const community = createCommunity({ ...base, accounts, repos, catalog })
  consequences.projections.push(
    ...gates.projections,
    ...discussions.projections,
    ...community.projections,
    ...webhooks.projections,
    ...sketches.projections,
    ...lineage.projections,
    ...catalog.projections,
  )
  consequences.jobs.push(
    ...blobs.jobs,
    ...repos.jobs,
    ...catalog.jobs,
    ...webhooks.jobs,
    ...sketches.jobs,
    ...lineage.jobs,
  )

  const metrics = createMetrics(drivers.queue)
  let apiDocument: OpenApi | undefined
  const routes: readonly Route[] = [
    ...[accounts, blobs, repos, gates, discussions, community, catalog, webhooks, weights, lineage].flatMap(
      domain => domain.routes,
    ),
    ...systemRoutes({
      ...drivers,
      metrics,
      apiDocument() {
        apiDocument ??= describeApi(routes, version)
        return apiDocument
      },
    }),
  ]
  return {
    accounts,
    repos,
    blobs,
    discussions,
    sketches,
    lineage,
    routes,
    jobs: consequences.jobs,
    createApp: () =>
      createApp({
        routes,
        doors: createDoors({
          policy,
          signer,
          clock,
          admitCas: blobs.admitCas,
          stillHolds,
          admissionOf: gates.admission,
        }),
        identify: accounts.identify,
        findRepo: repos.locate,
        publicUrl: config.publicUrl,
        trustedProxies: config.trustedProxies,
        rateLimits: config.rateLimits && new RateLimits(config.rateLimits, clock),
        log,
        metrics,
      }),
  }
}

interface Consequences {
  readonly projections: Projection[]
  readonly jobs: JobHandler[]
}

/** An event is not stored itself: its projections run at once, and a job for each of its handlers is enqueued. */
function emitTo(queue: Queue, consequences: Consequences): Emit {
  return async (tx, name, facts) => {
    for (const projection of consequences.projections) {
      if (projection.on === name) await projection.apply(tx, facts)
    }
    for (const job of consequences.jobs) {
      if (job.on !== name || (job.when && !(await job.when(tx)))) continue
      const key = job.key?.(facts)
      await queue.enqueue(tx, { name: job.name, payload: facts, ...(key !== undefined && { key }) })
    }
  }
}
