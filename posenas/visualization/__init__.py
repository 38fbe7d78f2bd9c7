"""Pictures of people, heatmaps, errors and training curves."""

from .arch_chart import draw_arch_values
from .curves import draw_curves, read_scalars
from .draw import (
    draw_bboxes,
    draw_heatmaps,
    draw_keypoint_numbers,
    draw_notes,
    draw_poses,
    heatmaps_to_image,
    suitable_line_width,
)
from .error_chart import (
    draw_error_chart,
    draw_group_chart,
    draw_pck_curves,
    draw_reliability,
)
from .gallery import Case, draw_gallery
from .graph import draw_graphs
from .inputs import draw_input
from .label_charts import draw_label_charts
from .openpose import OPENPOSE, to_openpose
from .panels import enlarge, fit_tile, grid, side_by_side, write_picture, zoom_points
from .pareto_page import (
    Axis,
    TradePoint,
    make_pareto_page,
    make_text_table,
    make_trade_chart,
    write_pareto_page,
)
from .report_page import make_report_page
from .run_chart import draw_runs
from .search_chart import draw_search
from .visualizer import PoseLocalVisualizer, place_heatmaps

__all__ = [
    'OPENPOSE',
    'Axis',
    'Case',
    'PoseLocalVisualizer',
    'TradePoint',
    'draw_arch_values',
    'draw_bboxes',
    'draw_curves',
    'draw_error_chart',
    'draw_gallery',
    'draw_graphs',
    'draw_group_chart',
    'draw_heatmaps',
    'draw_input',
    'draw_keypoint_numbers',
    'draw_label_charts',
    'draw_notes',
    'draw_pck_curves',
    'draw_poses',
    'draw_reliability',
    'draw_runs',
    'draw_search',
    'enlarge',
    'fit_tile',
    'grid',
    'heatmaps_to_image',
    'make_pareto_page',
    'make_report_page',
    'make_text_table',
    'make_trade_chart',
    'place_heatmaps',
    'read_scalars',
    'side_by_side',
    'suitable_line_width',
    'to_openpose',
    'write_pareto_page',
    'write_picture',
    'zoom_points',
]
