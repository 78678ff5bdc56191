/** Tags of models that a local app runs, for `apps` of lists (huggingface.js `packages/tasks/src/local-apps.ts`). */
const ofApps: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(
    [
      ...['llama.cpp', 'node-llama-cpp', 'ollama', 'jan', 'localai', 'backyard', 'msty', 'recursechat'],
      ...['koboldcpp', 'lemonade', 'docker-model-runner'],
    ].map(app => [app, ['gguf']]),
  ),
  lmstudio: ['gguf', 'mlx'],
  'atomic-chat': ['gguf', 'mlx'],
  'mlx-lm': ['mlx'],
  vllm: ['transformers'],
  sglang: ['transformers'],
  tgi: ['transformers'],
  unsloth: ['unsloth', 'gguf'],
  drawthings: ['diffusers'],
  diffusionbee: ['diffusers'],
  joyfusion: ['coreml'],
}

/** Of apps that nobody here knows, a tag with their name. */
export function tagsOfApps(apps: readonly string[]): string[] {
  const names = apps.flatMap(app => app.split(',')).filter(app => app !== '')
  return [...new Set(names.flatMap(app => (Object.hasOwn(ofApps, app) ? (ofApps[app] ?? []) : [app])))]
}
