import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { FakeServer, sendJson } from '../../packages/engine/src/testing/fake-server.ts';

export const FIRST_WORD = 'Beginning';
export const LAST_WORD = 'Ending';

/** An OpenAI-compatible server whose answers begin and do not end until `end` is called. */
export class EndlessModel {
  readonly #server = new FakeServer(async (request, response) => {
    if (request.url === '/v1/models') return sendJson(response, 200, { data: [{ id: 'endless' }] });
    this.#answers.push(response);
    response.setHeader('content-type', 'text/event-stream');
    response.write(event({ delta: { content: `${FIRST_WORD} ` } }));
    await once(response, 'close');
  });
  readonly #answers: ServerResponse[] = [];

  static async start(t: TestContext): Promise<EndlessModel> {
    const model = new EndlessModel();
    await model.#server.listen();
    t.after(() => model.#server.stop());
    return model;
  }

  /** Configures the node of a home to use it. */
  configure(home: string): void {
    mkdirSync(home, { recursive: true });
    const configuration = { engine: 'openai', openaiUrl: `http://${this.#server.address}/v1` };
    writeFileSync(join(home, 'config.json'), JSON.stringify(configuration));
  }

  /** Resolves when the first answer has been given up by the node. */
  async isLeft(): Promise<void> {
    const [answer] = this.#answers;
    if (answer !== undefined && !answer.closed) await once(answer, 'close');
  }

  /** Completes the answers that run. */
  end(): void {
    for (const answer of this.#answers) {
      answer.end(
        `${event({ delta: { content: LAST_WORD } })}${event({ delta: {}, finish_reason: 'stop' })}data: [DONE]\n\n`,
      );
    }
  }
}

function event(choice: object): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, ...choice }] })}\n\n`;
}
