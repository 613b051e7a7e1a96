import {
  completeMarkers,
  findReasoningMarkers,
  type ReasoningMarkers,
  type RenderOptions,
} from './reasoning-markers.ts';
import { peculiarityOf } from './template-peculiarities.ts';

export type { ReasoningMarkers, RenderOptions };

/** Returns the markers around reasoning in an answer: those found in the template, or else the known ones of its family. */
export function answerMarkers(source: string, found: ReasoningMarkers | undefined): ReasoningMarkers | undefined {
  const markers = found ?? peculiarityOf(source)?.reasoning;
  return markers === undefined ? undefined : completeMarkers(markers);
}

/** Returns the markers around reasoning in an answer. `render` asks another program, and resolves with undefined if it refuses. */
export async function findAnswerMarkers(
  source: string,
  render: (options: RenderOptions) => Promise<string | undefined>,
): Promise<ReasoningMarkers | undefined> {
  // A search that finds nothing makes every rendering that any search needs.
  const needed: RenderOptions[] = [];
  findReasoningMarkers(source, (options) => {
    needed.push(options);
    return undefined;
  });
  const rendered = await Promise.all(
    needed.map(async (options) => [JSON.stringify(options), await render(options)] as const),
  );
  const texts = new Map(rendered);
  return answerMarkers(
    source,
    findReasoningMarkers(source, (options) => texts.get(JSON.stringify(options))),
  );
}
