"""Small logs in the shapes that trainers write: 30 rows of a run at step 3,000 of 6,000."""

import json

STEPS = list(range(100, 3001, 100))
LOSS = {s: round(2.1 + 26 / s**0.5, 4) for s in STEPS}
VAL = {s: round(LOSS[s] + 0.02, 4) for s in STEPS if s % 500 == 0}
LR = 3e-4
SKY = "2025-01-01 00:00:01"


def each(line, val=None):
    """One line a step, and one after it where there is a validation loss."""
    out = []
    for s in STEPS:
        out.append(line(s, LOSS[s]))
        if val is not None and s in VAL:
            out.append(val(s, VAL[s]))
    return "\n".join(out) + "\n"


def shapes():
    """name -> (file name, text, what is known: loss "train" or "val", end, lr, step of the last row)."""
    full, no_end, no_lr, neither = (True, True), (False, True), (True, False), (False, False)
    t, v = "train", "val"
    return {
        "megatron": ("m.log", each(
            lambda s, y: f" [{SKY}] iteration {s:>8}/    6000 | consumed samples: {64 * s:>12} | elapsed time per iteration (ms): 512.3 | learning rate: {LR:.6E} | global batch size:    64 | lm loss: {y:.6E} | loss scale: 1.0 | grad norm: 0.412 | number of skipped iterations:   0 | number of nan iterations:   0 |"), t, full),
        "megatron with validation": ("m.log", each(
            lambda s, y: f" iteration {s:>8}/    6000 | consumed samples: {64 * s:>12} | learning rate: {LR:.6E} | lm loss: {y:.6E} |",
            lambda s, y: f"-----------\n validation loss at iteration {s} | lm loss value: {y:.6E} | lm loss PPL: 1.1E+01 |\n-----------"), v, full),
        "megatron-deepspeed": ("m.log", each(
            lambda s, y: f"[default3]: iteration {s:>8}/    6000 | consumed samples: {64 * s} | consumed tokens: {131072 * s} | elapsed time per iteration (s): 0.5 | learning rate: {LR:.3E} | global batch size:    64 | lm loss: {y:.6E} | loss scale: 1.0 |"), t, full),
        "gpt-neox": ("neox.log", each(
            lambda s, y: f" samples/sec: 10.123 | iteration {s:>8}/    6000 | elapsed time per iteration (ms): 512.3 | learning rate: {LR:.3E} | approx flops per GPU: 50.1TFLOPS | lm_loss: {y:.6E} | loss scale: 65536.0 | number of skipped iterations:   0 |"), t, full),
        "nanogpt": ("n.log", "max_iters = 6000\n" + each(
            lambda s, y: f"iter {s}: loss {y:.4f}, time 1099.34ms, mfu 15.34%",
            lambda s, y: f"step {s}: train loss {LOSS[s]:.4f}, val loss {y:.4f}"), v, no_lr),
        "modded-nanogpt": ("x.txt", each(
            lambda s, y: f"step:{s}/6000 train_loss:{y:.4f} train_time:{90 * s}ms step_avg:90.00ms",
            lambda s, y: f"step:{s}/6000 val_loss:{y:.4f} train_time:{90 * s}ms step_avg:90.00ms"), v, no_lr),
        "llm.c main.log": ("main.log", each(
            lambda s, y: f"s:{s} trl:{y:.4f} lr:{LR:.6f} norm:0.41", lambda s, y: f"s:{s} tel:{y:.4f}"), v, no_end),
        "llm.c stdout": ("o.txt", each(
            lambda s, y: f"step {s:>5}/6000 | loss {y:.6f} (+0.12z)| norm 0.4123 (-0.1z)| lr {LR:.2e} | 512.31 ms | 50.2% bf16 MFU | 123456 tok/s",
            lambda s, y: f"val loss {y:.6f}"), v, full),
        "torchtitan": ("t.log", f"[rank0]:[titan] {SKY},123 - root - INFO - Training starts at step 1, with local batch size 8, global batch size 64, sequence length 2048, total steps 6000 (warmup 200)\n" + each(
            lambda s, y: f"[rank0]:[titan] {SKY},123 - root - INFO - \x1b[31mstep: {s:2}  \x1b[32mloss: {y:7.4f}  \x1b[33mmemory: 55.11GiB(58.00%)  \x1b[34mtps: 5,123  \x1b[36mmfu: 40.1%\x1b[39m"), t, no_lr),
        "torchtitan, validating": ("t.log", each(
            lambda s, y: f"INFO - step: {s:2}  loss: {y:7.4f}  grad_norm: 0.41  memory: 55.11GiB(58.00%)  tps: 5,123",
            lambda s, y: f"INFO - validate step: {s}  loss: {y:7.4f}  memory: 55.11GiB"), v, neither),
        "hf stdout with bar": ("hf.log", "***** Running training *****\n  Total optimization steps = 6,000\n" + each(
            lambda s, y: f"  5%|▌         | {s}/6000 [00:10<10:00,  9.80it/s]\r" + str({"loss": y, "grad_norm": 0.91, "learning_rate": LR, "epoch": round(s / 3000, 3)})), t, full),
        "hf stdout evaluating": ("hf.log", each(
            lambda s, y: f" 5%|▌ | {s}/6000 [00:10<10:00]\n" + str({"loss": y, "learning_rate": LR, "epoch": round(s / 3000, 3)}),
            lambda s, y: str({"eval_loss": y, "eval_runtime": 10.5, "eval_samples_per_second": 90.1, "epoch": round(s / 3000, 3)})), v, full),
        "trainer_state": ("trainer_state.json", json.dumps({"global_step": 3000, "max_steps": 6000, "log_history": [
            {"epoch": s / 3000, "learning_rate": LR, "loss": LOSS[s], "step": s} for s in STEPS]}), t, full),
        "olmo": ("o.log", each(
            lambda s, y: f"{SKY}.123\tnode:0\tolmo.train:1000\tINFO\t[step={s}/6000,epoch=0]\n    optim/learning_rate_group0={LR}\n    train/CrossEntropyLoss={y}\n    train/Perplexity=20.12\n    throughput/total_tokens={4194304 * s:,}"), t, full),
        "olmo-core": ("o.log", each(
            lambda s, y: f"{SKY}\thost:0\tolmo_core.train:100\tINFO\t[step={s}/6000,epoch=1,eta=5 hours]\n    optim/LR (group 0)={LR}\n    train/CE loss={y}\n    throughput/device/TPS=8,123"), t, no_lr),
        "nemo": ("n.log", each(
            lambda s, y: f"Training epoch 0, iteration {s}/5999 | lr: {LR} | global_batch_size: 64 | global_step: {s} | reduced_train_loss: {y} | consumed_samples: {64 * s}"), t, full),
        "nemo bar": ("n.log", each(
            lambda s, y: f"Epoch 0: :   2%|▏ | {s}/6000 [00:51<50:00, v_num=, reduced_train_loss={y}, global_step={s}.0, consumed_samples={64 * s}.0, train_step_timing in s=0.5]"), t, neither),
        "fairseq": ("f.log", "| INFO | fairseq_cli.train | Namespace(arch='x', max_update=6000)\n" + each(
            lambda s, y: f"{SKY} | INFO | train_inner | epoch 001:   {s} / 9000 loss={y}, ppl=26.6, wps=1000, ups=1.1, wpb=4096, bsz=64, num_updates={s}, lr={LR}, gnorm=0.4, train_wall=10, wall=0",
            lambda s, y: f"{SKY} | INFO | valid | epoch 001 | valid on 'valid' subset | loss {y} | ppl 10.1 | wps 1000 | num_updates {s} | best_loss {y}"), v, full),
        "fairseq json": ("f.log", each(
            lambda s, y: f'{SKY} | INFO | train_inner | {{"epoch": 1, "update": 0.1, "loss": "{y}", "ppl": "20", "num_updates": "{s}", "lr": "{LR}", "gnorm": "0.4"}}'), t, no_end),
        "llm-foundry": ("f.log", each(
            lambda s, y: f"[batch={s}/6000]:\n\t Train time/batch: {s - 1}\n\t Train lr-DecoupledAdamW/group0: {LR}\n\t Train loss/train/total: {y}"), t, full),
        "litgpt": ("l.log", each(
            lambda s, y: f"Epoch 1 | iter {4 * s} step {s} | loss train: {y}, val: n/a | iter time: 320.11 ms (step)"), t, neither),
        "litgpt with validation": ("l.log", each(
            lambda s, y: f"Epoch 1 | iter {4 * s} step {s} | loss train: {y}, val: n/a | iter time: 320.11 ms (step)",
            lambda s, y: f"iter {4 * s}: val loss {y}, val time: 1234.50 ms"), v, neither),
        "lightning bar": ("l.log", "\r".join(
            f"Epoch {(s - 1) // 1000}:  50%|█████     | {(s - 1) % 1000 + 1}/1000 [00:10<00:10,  9.80it/s, v_num=1, train_loss={LOSS[s]}]" for s in STEPS) + "\n", t, neither),
        "lightning csv": ("metrics.csv", "epoch,lr-AdamW,step,train_loss_step,val_loss\n" + each(
            lambda s, y: f"0,{LR},{s},{y},", lambda s, y: f"0,,{s},,{y}"), v, no_end),
        "keras": ("k.log", "".join(
            f"Epoch {s // 100}/60\n 50/100 [==>...] - ETA: 1s - loss: 9.9\r100/100 [==============================] - 2s 20ms/step - loss: {LOSS[s]} - accuracy: 0.5\n" for s in STEPS), t, no_lr),
        "keras 3": ("k.log", "".join(
            f"Epoch {s // 100}/60\n\x1b[1m100/100\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m2s\x1b[0m 20ms/step - accuracy: 0.5 - loss: {LOSS[s]}\n" for s in STEPS), t, no_lr),
        "keras csv": ("training.log", "epoch,accuracy,learning_rate,loss\n" + each(lambda s, y: f"{s // 100},0.5,{LR},{y}"), t, no_end),
        "mmengine": ("mm.log", each(
            lambda s, y: f"2025/01/01 00:00:01 - mmengine - INFO - Iter(train) [ {s}/6000]  lr: {LR:.4e}  eta: 0:10:00  time: 0.5  data_time: 0.01  memory: 100  loss: {y}"), t, full),
        "nanotron": ("n.log", each(
            lambda s, y: f"01/01/2025 00:00:01 [INFO|DP=0|PP=0|TP=0|host]: iteration: {s} / 6000 | consumed_tokens: {s}K | elapsed_time_per_iteration_ms: 512 | tokens_per_sec: 25.6K | global_batch_size: 64 | lm_loss: {y} | lr: {LR} | model_tflops_per_gpu: 40"), t, full),
        "nanochat": ("n.log", each(
            lambda s, y: f"step {s:05d}/06000 (50.00%) | loss: {y:.6f} | lrm: 1.00 | dt: 512.31ms | tok/sec: 123,456 | mfu: 40.12 | total time: 10.00m"), t, no_lr),
        "maxtext": ("m.log", each(
            lambda s, y: f"completed step: {s}, seconds: 1.234, TFLOP/s/device: 100.123, Tokens/s/device: 5000.1, total_weights: 65536, loss: {y}"), t, neither),
        "torchtune": ("t.txt", each(lambda s, y: f"1|{s}|Loss: {y}"), t, neither),
        "key=value": ("k.log", each(lambda s, y: f"INFO:root:step={s} loss={y} lr={LR}"), t, no_end),
        "step of total, words": ("k.log", each(lambda s, y: f"[{SKY}] Step {s}/6000, Loss: {y}, LR: {LR}"), t, full),
        "json lines": ("j.jsonl", each(lambda s, y: json.dumps({"step": s, "loss": y, "lr": LR, "max_steps": 6000})), t, full),
        "json between text": ("j.log", "starting\n" + each(
            lambda s, y: "INFO " + json.dumps({"step": s, "loss": y, "lr": LR}) + f"\nsaved checkpoint {s}"), t, no_end),
        "json in many ranks": ("j.log", each(
            lambda s, y: "\n".join(f"[rank{r}]: " + json.dumps({"step": s, "loss": round(y + r / 10, 4), "lr": LR}) for r in range(3))), t, no_end),
        "wandb export": ("w.csv", '"Step","sky-1 - train/loss","sky-1 - train/loss__MIN","sky-1 - train/loss__MAX"\n' + each(
            lambda s, y: f'"{s}","{y}","{y}","{y}"'), t, neither),
        "wandb history": ("w.jsonl", each(
            lambda s, y: json.dumps({"_step": s, "_runtime": 2.0 * s, "train": {"loss": y, "lr": LR}})), t, no_end),
        "mlflow long": ("m.csv", "run_id,key,value,timestamp,step\n" + each(
            lambda s, y: f"ab,loss,{y},{s},{s}\nab,lr,{LR},{s},{s}"), t, no_end),
        "comet": ("c.json", json.dumps([{"metricName": "loss", "metricValue": str(LOSS[s]), "timestamp": s, "step": s, "epoch": None} for s in STEPS]), t, neither),
        "aim": ("a.csv", "run.hash,metric.name,step,value\n" + each(lambda s, y: f"a1,loss,{s},{y}\na1,lr,{s},{LR}"), t, no_end),
        "tensorboard csv": ("run-a-tag-loss.csv", "Wall time,Step,Value\n" + each(lambda s, y: f"{1.7e9 + s},{s},{y}"), t, neither),
        "mmdet json": ("a.log.json", '{"env_info": "x", "seed": 0}\n' + each(
            lambda s, y: json.dumps({"mode": "train", "epoch": (s - 1) // 1000 + 1, "iter": (s - 1) % 1000 + 1, "lr": LR, "loss": y})), t, no_end),
    }  # fmt: skip
