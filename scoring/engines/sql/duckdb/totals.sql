-- Sums of current activity per subject, month, key and evidence class.
-- q = (q // 2^32) * 2^32 + q % 2^32 whichever way an engine rounds; sums of the halves stay in 64 bits for 2^31 rows.
-- magnitude_micro is the sum of sizes: where it is NULL or, over the classes of a line, 2^63 and more, the line is refused.
SELECT
    subject_id,
    month_ym,
    key_id,
    evidence,
    CASE WHEN size_high + size_low // 4294967296 < 2147483648 THEN high * 4294967296 + low END AS quantity_micro,
    CASE WHEN size_high + size_low // 4294967296 < 2147483648 THEN size_high * 4294967296 + size_low END AS magnitude_micro,
    activity_count
FROM (
    SELECT
        subject_id,
        month_ym,
        key_id,
        evidence,
        CAST(SUM(quantity_micro // 4294967296) AS BIGINT) AS high,
        CAST(SUM(quantity_micro % 4294967296) AS BIGINT) AS low,
        CAST(SUM(CASE WHEN quantity_micro < 0 THEN -(quantity_micro // 4294967296) ELSE quantity_micro // 4294967296 END) AS BIGINT) AS size_high,
        CAST(SUM(CASE WHEN quantity_micro < 0 THEN -(quantity_micro % 4294967296) ELSE quantity_micro % 4294967296 END) AS BIGINT) AS size_low,
        CAST(COUNT(*) AS BIGINT) AS activity_count
    FROM activity
    WHERE is_current
    GROUP BY subject_id, month_ym, key_id, evidence
) AS halves
ORDER BY subject_id, month_ym, key_id, evidence
