"""Peers of the layer on tokens, in torch."""


def encoder_layer(tokens, inputs, inputs_bias, merge, merge_bias, hidden, hidden_bias, output, output_bias, *norms):
    """What torch.nn.TransformerEncoderLayer computes, by its fused attention, on the device that torch has."""
    import torch  # pyright: ignore[reportMissingImports]

    device = "cuda" if torch.cuda.is_available() else "cpu"
    arrays = (tokens, inputs, inputs_bias, merge, merge_bias, hidden, hidden_bias, output, output_bias, *norms)
    x, *weights, scale, shift = (torch.as_tensor(z, device=device) for z in arrays)
    functional, heads, width = torch.nn.functional, 8, x.shape[-1]

    def dense(which, x):
        return functional.linear(x, weights[2 * which].T, weights[2 * which + 1])

    def norm(which, x):
        return functional.layer_norm(x, (width,), scale[which], shift[which])

    with torch.no_grad():
        # (B, N, 3 D) to queries, keys and values of (B, heads, N, D / heads).
        parts = dense(0, x).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)
        x = norm(0, x + dense(1, found))
        return norm(1, x + dense(3, functional.gelu(dense(2, x)))).cpu().numpy()
