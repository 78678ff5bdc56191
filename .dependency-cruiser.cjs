/**
 * Who may import whom, in one table (ARCHITECTURE.md draws it). Tests stand outside of it: they may open drivers.
 */
const domains = {
  accounts: [],
  policy: ['accounts'],
  blobs: [],
  repos: ['accounts', 'policy', 'blobs'],
  discussions: ['accounts', 'policy', 'repos'],
  community: ['accounts', 'policy', 'repos'],
  gates: ['accounts', 'policy', 'repos'],
  webhooks: ['accounts', 'policy', 'repos'],
  weights: ['policy', 'blobs', 'repos'],
  sketches: ['blobs', 'repos', 'weights'],
  lineage: ['policy', 'repos', 'weights', 'sketches'],
  catalog: ['accounts', 'policy', 'blobs', 'repos', 'weights'],
}
const source = '^server/'
const notTest = { pathNot: '(\\.(test|suite)\\.ts$|/testdata/)' }
const kit = '^server/http/(route|query|pages|ranges|send-bytes|signed-url|body)\\.ts$'

const layer = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: from, ...notTest },
  to: { path: source, pathNot: allowed },
})

const domainRules = Object.entries(domains).map(([name, others]) =>
  layer(`domain-${name}`, `^server/domains/${name}/`, [
    '^server/(kernel|ports|formats)/',
    kit,
    `^server/domains/${name}/`,
    ...others.map(other => `^server/domains/${other}/index\\.ts$`),
  ]),
)

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'contract-is-shapes-alone',
      severity: 'error',
      from: { path: '^contract/' },
      to: { pathNot: '^(contract/|node_modules/zod)' },
    },
    layer('kernel-imports-nothing', '^server/kernel/', ['^server/kernel/']),
    layer('formats-are-pure', '^server/formats/', ['^server/(kernel|formats)/']),
    {
      name: 'formats-do-no-io',
      severity: 'error',
      from: { path: '^server/formats/', ...notTest },
      to: { path: '^(node:)?(fs|net|http|https|child_process|worker_threads|dgram|tls)(/|$)' },
    },
    layer('ports', '^server/ports/', ['^server/(kernel|ports)/']),
    layer('drivers', '^server/drivers/', ['^server/(kernel|ports|drivers)/']),
    {
      name: 'only-open-hub-imports-drivers',
      severity: 'error',
      from: {
        path: source,
        pathNot: ['^server/drivers/', '^server/open-hub\\.ts$', '\\.(test|suite)\\.ts$'],
      },
      to: { path: '^server/drivers/' },
    },
    {
      name: 'domains-by-index-only',
      severity: 'error',
      from: { path: '^server/(http|commands|[^/]+\\.ts$)', ...notTest },
      to: { path: '^server/domains/', pathNot: '/index\\.ts$' },
    },
    layer('http-kit-knows-no-domain', kit, ['^server/kernel/', kit]),
    ...domainRules,
    {
      name: 'no-rooms-without-a-name',
      severity: 'error',
      from: {},
      to: { path: '(^|/)(utils|helpers|common|misc|lib|shared)(/|\\.ts$)', pathNot: 'node_modules' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: 'node_modules' },
  },
}
