SELECT mode, DP_SHARE() FROM mode_share WHERE week = '2026-W40'
GROUP 