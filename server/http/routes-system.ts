import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { HubError } from '../kernel/errors.ts'
import type { Database } from '../ports/database.ts'
import type { ObjectStore } from '../ports/objects.ts'
import type { Metrics } from './metrics.ts'
import type { OpenApi } from './openapi.ts'
import { type Route, route } from './route.ts'

/** A part that the hub stands on does not answer. */
export class NotReady extends HubError {
  constructor(part: string, reason: string) {
    super(`${part} does not answer: ${reason}`)
  }
}

const readyWithinMs = 5_000

const state = z.object({ status: z.string() })

/** For those who run the hub: alive, ready, measured. */
export function systemRoutes(parts: {
  database: Database
  objects: ObjectStore
  metrics: Metrics
  apiDocument(): OpenApi
}): Route[] {
  return [
    route({
      method: ['GET', 'HEAD'],
      path: '/',
      grant: 'anyone',
      about: { summary: 'How to begin', answers: { 200: 'text/plain' } },
      handle: ({ reply, origin }) => reply.type('text/plain; charset=utf-8').send(welcome(origin)),
    }),
    route({
      method: ['GET', 'HEAD'],
      path: '/healthz',
      grant: 'anyone',
      about: { summary: 'Whether the process is alive', answers: { 200: state } },
      handle: () => ({ status: 'alive' }),
    }),
    route({
      method: ['GET', 'HEAD'],
      path: '/readyz',
      grant: 'anyone',
      about: { summary: 'Whether the hub can serve', answers: { 200: state } },
      async handle() {
        await within('database', parts.database.ping())
        await within('object store', parts.objects.ping())
        return { status: 'ready' }
      },
    }),
    route({
      method: 'GET',
      path: '/api/openapi.json',
      grant: 'anyone',
      about: { summary: 'This document', answers: { 200: z.looseObject({ openapi: z.string() }) } },
      handle: () => parts.apiDocument(),
    }),
    route({
      method: 'GET',
      path: '/metrics',
      grant: 'anyone',
      about: { summary: 'Measures, for Prometheus', answers: { 200: 'text/plain' } },
      handle: async ({ reply }) => reply.type(parts.metrics.contentType).send(await parts.metrics.text()),
    }),
  ]
}

async function within(part: string, answer: Promise<void>): Promise<void> {
  const late = sleep(readyWithinMs, undefined, { ref: false }).then(() => {
    throw new Error(`no answer within ${readyWithinMs} ms`)
  })
  try {
    await Promise.race([answer, late])
  } catch (error) {
    throw new NotReady(part, (error as Error).message)
  }
}

function welcome(origin: string): string {
  return `Banyan 榕树: an open-model hub. Point a Hugging Face client here:
把 Hugging Face 客户端指向这里：

    export HF_ENDPOINT=${origin}
    hf auth login --token hf_...
    hf upload you/your-model ./folder
`
}
