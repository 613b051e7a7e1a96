import { donate } from './donate.ts';
import { localllm } from './localllm.ts';
import { opengateway } from './opengateway.ts';
import { qmesh } from './qmesh.ts';
import { shoal } from './shoal.ts';

/** The dialects of this package, by the names of their exports. Every suite runs over this list. */
export const DIALECTS = { donate, localllm, opengateway, qmesh, shoal };
