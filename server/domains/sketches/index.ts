/** Sketches: what is kept of a model's weights, to compare it with others. */
export { makeSketch, type Sketchable } from './make-sketch.ts'
export { mix32, sampleAxis } from './sample-axis.ts'
export * from './sketch.ts'
export { decodeSketch, encodeSketch } from './sketch-codec.ts'
