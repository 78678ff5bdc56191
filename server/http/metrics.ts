import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Queue } from '../ports/queue.ts'

export interface Metrics {
  observe(method: string, route: string, status: number, milliseconds: number): void
  /** Prometheus text format. */
  text(): Promise<string>
  readonly contentType: string
}

export function createMetrics(queue: Queue): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'banyan_' })
  const requests = new Histogram({
    name: 'banyan_http_request_seconds',
    help: 'Time to answer, by route pattern and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  })
  new Gauge({
    name: 'banyan_jobs',
    help: 'Jobs by state; buried ones failed for good and wait for a person',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      for (const [state, count] of Object.entries(await queue.counts())) this.set({ state }, count)
    },
  })
  // To find a line by its labels costs prom-client more than to count on it.
  const lines = new Map<string, { observe(seconds: number): void }>()
  const lineOf = (method: string, route: string, status: string) => {
    const key = `${method} ${status} ${route}`
    let line = lines.get(key)
    if (!line) {
      line = requests.labels(method, route, status)
      lines.set(key, line)
    }
    return line
  }
  return {
    observe: (method, route, status, milliseconds) =>
      lineOf(method, route, String(status)).observe(milliseconds / 1000),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
